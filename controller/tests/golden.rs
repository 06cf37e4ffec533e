//! Comparison with what a running Traefik made of real objects, as far as the provider alone decides it.
//!
//! `FLOW_GOLDEN` names the folder, `../shared/golden` beside the project is the default; without it the test is skipped
//! with a message. The whole configuration is compared by the end-to-end tests, through the API.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use flow_controller::translate::{CrdOptions, IngressOptions, Options, Translator};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use support::{documents, shown, view};

fn folder() -> PathBuf {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/golden");
    std::env::var_os("FLOW_GOLDEN").map_or_else(default, PathBuf::from)
}

/// Adds the part that an API server adds: a cluster IP. Real ones are hidden before comparing.
fn as_stored(mut manifest: Value) -> Value {
    let is_service = manifest["kind"] == "Service";
    if is_service && manifest["spec"]["type"] != "ExternalName" && manifest["spec"]["clusterIP"].is_null() {
        manifest["spec"]["clusterIP"] = "10.96.0.1".into();
    }
    manifest
}

/// Removes the part of a router that is added after the provider: entry points, defaults, and a name for each entry
/// point where TLS options contradict each other.
fn router_of_provider(name: &str, mut router: Value) -> (String, Value) {
    let name = name.strip_suffix("@kubernetes").unwrap_or(name);
    let name = name.split_once("-conflicted-").map_or(name, |(_, name)| name).to_owned();
    for key in ["status", "error", "using", "entryPoints"] {
        router.as_object_mut().unwrap().remove(key);
    }
    (name, router)
}

fn settled(mut router: Value) -> Value {
    router.as_object_mut().unwrap().remove("entryPoints");
    if router["priority"].is_null() {
        router["priority"] = router["rule"].as_str().unwrap_or_default().len().into();
    }
    for (key, value) in [
        ("accessLogs", json!(true)),
        ("metrics", json!(true)),
        ("tracing", json!(true)),
        ("traceVerbosity", json!("minimal")),
    ] {
        let fields = router["observability"].as_object_mut().unwrap();
        fields.entry(key).or_insert(value);
    }
    router
}

fn service(mut service: Value) -> Value {
    for key in ["status", "error", "usedBy", "serverStatus"] {
        service.as_object_mut().unwrap().remove(key);
    }
    if let Some(servers) = service.pointer_mut("/loadBalancer/servers").and_then(Value::as_array_mut) {
        servers.sort_by_key(ToString::to_string);
        for server in servers {
            let url = server["url"].as_str().unwrap();
            if let Some((_, port)) = url.split_once("//10.96.").and_then(|(_, rest)| rest.rsplit_once(':')) {
                server["url"] = format!("http://CLUSTER-IP:{port}").into();
            }
        }
    }
    service
}

fn entry_points<'a>(routers: impl IntoIterator<Item = (String, &'a Value)>) -> BTreeSet<(String, String)> {
    let mut all = BTreeSet::new();
    for (name, router) in routers {
        for entry_point in router["entryPoints"].as_array().into_iter().flatten() {
            all.insert((name.clone(), entry_point.as_str().unwrap().to_owned()));
        }
    }
    all
}

fn compare(yaml: &str, golden: &Value) -> Result<(), String> {
    let mut view = view(documents(yaml).into_iter().map(as_stored));
    let options = Options { ingress: Some(IngressOptions::default()), crd: None };
    let config = shown(&Translator::new(options).translate(&mut view).kubernetes);
    let empty = Map::new();
    let of = |config: &Value, section: &str| config[section].as_object().unwrap_or(&empty).clone();

    let (wanted, ours) = (of(golden, "routers"), of(&config, "routers"));
    let named = |name: &str| router_of_provider(name, json!({})).0;
    let ours_everywhere = ours.iter().map(|(name, router)| {
        let mut router = router.clone();
        if router["entryPoints"].is_null() {
            router["entryPoints"] = json!(["web", "websecure"]);
        }
        (name.clone(), router)
    });
    let ours_everywhere: Vec<_> = ours_everywhere.collect();
    let told = entry_points(wanted.iter().map(|(name, router)| (named(name), router)));
    let made = entry_points(ours_everywhere.iter().map(|(name, router)| (name.clone(), router)));
    let wanted: Map<_, _> = wanted.iter().map(|(name, router)| router_of_provider(name, router.clone())).collect();
    let ours: Map<_, _> = ours.into_iter().map(|(name, router)| (name, settled(router))).collect();
    let wanted_services: Map<_, _> = of(golden, "services")
        .into_iter()
        .map(|(name, value)| (name.strip_suffix("@kubernetes").unwrap_or(&name).to_owned(), service(value)))
        .collect();
    let services: Map<_, _> = of(&config, "services").into_iter().map(|(name, value)| (name, service(value))).collect();
    if (&wanted, &wanted_services, &told) == (&ours, &services, &made) {
        return Ok(());
    }
    Err(format!(
        "wanted {:#}\n{told:?}\nmade {:#}\n{made:?}",
        json!({ "routers": wanted, "services": wanted_services }),
        json!({ "routers": ours, "services": services, "diagnostics": config["diagnostics"] })
    ))
}

#[test]
fn golden_ingresses_are_translated_as_by_traefik() {
    let folder = folder().join("ingress");
    let Ok(files) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: there is no {}", folder.display());
        return;
    };
    let mut cases: Vec<_> =
        files.map(|file| file.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "yaml")).collect();
    cases.sort();
    let mut unequal = Vec::new();
    for case in &cases {
        let yaml = std::fs::read_to_string(case).unwrap();
        let golden: Value =
            serde_json::from_str(&std::fs::read_to_string(case.with_extension("json")).unwrap()).unwrap();
        if let Err(difference) = compare(&yaml, &golden) {
            unequal.push(format!("{}: {difference}", case.display()));
        }
    }
    assert!(unequal.is_empty(), "{} of {} cases differ\n{}", unequal.len(), cases.len(), unequal.join("\n\n"));
    eprintln!("{} cases equal", cases.len());
}

/// Every middleware of the recorded behaviours is valid in both groups, with the same result.
#[test]
fn golden_middlewares_are_the_same_in_both_groups() {
    let file = folder().join("http/cases.yaml");
    let Ok(text) = std::fs::read_to_string(&file) else {
        eprintln!("skipped: there is no {}", file.display());
        return;
    };
    let cases = documents(&text).remove(0);
    let translated = |group: &str| {
        let mut manifests = Vec::new();
        for case in cases.as_array().unwrap() {
            for (n, spec) in case["middlewares"].as_array().into_iter().flatten().enumerate() {
                manifests.push(json!({
                    "apiVersion": format!("{group}/v1alpha1"), "kind": "Middleware", "spec": spec,
                    "metadata": {"name": format!("{}-{n}", case["name"].as_str().unwrap())},
                }));
            }
        }
        manifests.push(json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "users"}, "stringData": {"users": "a:{SHA}b"},
        }));
        let options = Options { ingress: None, crd: Some(CrdOptions::default()) };
        shown(&Translator::new(options).translate(&mut view(manifests)).kubernetescrd)
    };
    let new = translated("traefik.io");
    assert_eq!(new, translated("traefik.containo.us"));
    let middlewares = new["middlewares"].as_object().unwrap();
    let invalid: Vec<_> = middlewares.iter().filter(|(_, spec)| spec.get("invalid").is_some()).collect();
    assert!(invalid.iter().all(|(name, _)| *name == "default-two-kinds-0"), "{invalid:#?}");
}
