//! The project's own cases: `fixtures/CASE.yaml` is translated to what `fixtures/CASE.expected.json` says.
//!
//! Of an object in the expectation only the fields that are named count, null meaning that the field is absent; the
//! names of objects, lists and diagnostics count whole. A document `options: {…}` sets the provider's options.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use flow_controller::translate::{CrdOptions, IngressOptions, Options, Translator};
use serde::Deserialize;
use serde_json::Value;
use std::path::Path;
use support::{documents, shown, view};

/// The options of a case; both providers are on.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Wanted {
    ingress: IngressOptions,
    crd: CrdOptions,
}

/// Collects the paths where `made` differs from `wanted`; names count whole down to `depth`.
fn differences(path: &str, wanted: &Value, made: &Value, depth: usize, out: &mut Vec<String>) {
    let (Value::Object(wanted_fields), Value::Object(made_fields)) = (wanted, made) else {
        if wanted != made {
            out.push(format!("{path}: wanted {wanted}, made {made}"));
        }
        return;
    };
    for (name, wanted) in wanted_fields {
        let made = made_fields.get(name).unwrap_or(&Value::Null);
        differences(&format!("{path}/{name}"), wanted, made, depth.saturating_sub(1), out);
    }
    if depth > 0 {
        for name in made_fields.keys().filter(|name| !wanted_fields.contains_key(*name)) {
            out.push(format!("{path}/{name}: not wanted, made {}", made_fields[name]));
        }
    }
}

#[test]
fn fixtures_become_what_is_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut cases: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    cases.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    cases.sort();
    assert!(cases.len() > 10, "{}", folder.display());
    let mut wrong = Vec::new();
    for case in cases {
        let name = case.file_stem().unwrap().to_string_lossy().into_owned();
        let mut objects = documents(&std::fs::read_to_string(&case).unwrap());
        let options = objects.extract_if(.., |document| document.get("options").is_some()).next();
        let Wanted { ingress, crd } =
            options.map(|mut document| serde_json::from_value(document["options"].take()).unwrap()).unwrap_or_default();
        let options = Options { ingress: Some(ingress), crd: Some(crd) };
        let expected = std::fs::read_to_string(case.with_extension("expected.json")).unwrap();
        let expected: Value = serde_json::from_str(&expected).unwrap();
        let translated = Translator::new(options).translate(&mut view(objects));
        for (provider, config) in [("kubernetes", &translated.kubernetes), ("kubernetescrd", &translated.kubernetescrd)]
        {
            let nothing = Value::Object(serde_json::Map::new());
            let wanted = expected.get(provider).unwrap_or(&nothing);
            differences(&format!("{name}: {provider}"), wanted, &shown(config), 2, &mut wrong);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
