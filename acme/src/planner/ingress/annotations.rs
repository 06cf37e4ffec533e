use crate::names::TEMPORARY;
use crate::objects::{
    Algorithm, CertificateSpec, Encoding, GROUP, IssuerRef, Meta, PrivateKeySpec, RotationPolicy, SecretTemplate,
    Subject,
};
use crate::view::Settings;
use flow_model::duration::GoDuration;
use std::collections::BTreeMap;
use std::str::FromStr;

const PREFIX: &str = "cert-manager.io/";
const EDIT_IN_PLACE: &str = "acme.cert-manager.io/http01-edit-in-place";
const OVERRIDE_NAME: &str = "acme.cert-manager.io/http01-override-ingress-name";
const OVERRIDES: [(&str, &str); 2] = [
    ("acme.cert-manager.io/http01-ingress-class", "acme.cert-manager.io/http01-override-ingress-class"),
    (
        "acme.cert-manager.io/http01-ingress-ingressclassname",
        "acme.cert-manager.io/http01-override-ingress-ingressclassname",
    ),
];

/// Annotations of an Ingress that its Certificates get.
pub(super) const PASSED_ON: [&str; 4] = [OVERRIDES[0].1, OVERRIDES[1].1, OVERRIDE_NAME, TEMPORARY];

fn value<'a>(ingress: &'a Meta, name: &str) -> Option<&'a str> {
    ingress.annotations.get(&format!("{PREFIX}{name}")).map(|value| value.trim()).filter(|value| !value.is_empty())
}

/// True if an Ingress asks for certificates.
pub(crate) fn asks(ingress: &Meta) -> bool {
    value(ingress, "issuer").or_else(|| value(ingress, "cluster-issuer")).is_some()
        || ingress.annotation("kubernetes.io/tls-acme") == Some("true")
}

/// Returns the issuer that an Ingress asks for; `None` if it asks for none.
pub(super) fn issuer(ingress: &Meta, settings: &Settings) -> Result<Option<IssuerRef>, String> {
    let (issuer, cluster) = (value(ingress, "issuer"), value(ingress, "cluster-issuer"));
    let (kind, group) = (value(ingress, "issuer-kind"), value(ingress, "issuer-group"));
    let mut mistakes = Vec::new();
    if cluster.is_some() {
        for (name, present) in [("issuer", issuer), ("issuer-kind", kind), ("issuer-group", group)] {
            if present.is_some() {
                mistakes.push(format!("both {PREFIX}cluster-issuer and {PREFIX}{name} are set"));
            }
        }
    }
    if !mistakes.is_empty() {
        return Err(mistakes.join(", "));
    }
    let named = |name: &str, kind: &str, group: &str| IssuerRef {
        name: name.to_owned(),
        kind: kind.to_owned(),
        group: group.to_owned(),
    };
    if let Some(name) = cluster {
        return Ok(Some(named(name, "ClusterIssuer", GROUP)));
    }
    if let Some(name) = issuer {
        return Ok(Some(named(name, kind.unwrap_or("Issuer"), group.unwrap_or(GROUP))));
    }
    if ingress.annotation("kubernetes.io/tls-acme") != Some("true") {
        return Ok(None);
    }
    match &settings.default_issuer {
        Some(default) => Ok(Some(default.clone())),
        None => Err("failed to determine issuer name to be used for ingress resource: kubernetes.io/tls-acme needs a \
                     default issuer, and none is set"
            .to_owned()),
    }
}

/// Returns the annotations for the Certificate.
pub(super) fn passed_on(ingress: &Meta) -> Result<BTreeMap<String, String>, String> {
    let mut passed = BTreeMap::new();
    for (from, to) in OVERRIDES {
        if let Some(class) = ingress.annotation(from) {
            passed.insert(to.to_owned(), class.to_owned());
        }
    }
    if ingress.annotation(EDIT_IN_PLACE) == Some("true") {
        passed.insert(OVERRIDE_NAME.to_owned(), ingress.name.clone());
    }
    if passed.len() > 1 {
        let names: Vec<&str> = passed.keys().map(String::as_str).collect();
        return Err(format!("only one of {} may be set", names.join(", ")));
    }
    if passed.contains_key(OVERRIDE_NAME) {
        passed.insert(TEMPORARY.to_owned(), "true".to_owned());
    }
    Ok(passed)
}

fn parsed<T: FromStr>(ingress: &Meta, name: &str) -> Result<Option<T>, String> {
    let Some(text) = value(ingress, name) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| format!("invalid value of annotation {PREFIX}{name}: {text:?}"))
}

fn word<T>(ingress: &Meta, name: &str, words: &[(&str, T)]) -> Result<Option<T>, String>
where
    T: Copy,
{
    let Some(text) = value(ingress, name) else { return Ok(None) };
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    let known = || words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
    match found {
        Some(value) => Ok(Some(value)),
        None => Err(format!("invalid value of annotation {PREFIX}{name}: {text:?}, expected one of {}", known())),
    }
}

/// Parses a line of CSV (`a,b,"c,d"`), as cert-manager reads lists.
fn list(ingress: &Meta, name: &str) -> Vec<String> {
    let Some(text) = value(ingress, name) else { return Vec::new() };
    let mut out = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => out.push(String::new()),
            c => out.last_mut().into_iter().for_each(|last| last.push(c)),
        }
    }
    out.iter().map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
}

/// Copies the annotations' values into the spec.
pub(super) fn apply(ingress: &Meta, spec: &mut CertificateSpec) -> Result<(), String> {
    if let Some(name) = value(ingress, "common-name") {
        name.clone_into(&mut spec.common_name);
    }
    let add = |to: &mut Vec<String>, more: Vec<String>| {
        for name in more {
            if !to.contains(&name) {
                to.push(name);
            }
        }
    };
    add(&mut spec.dns_names, list(ingress, "alt-names"));
    add(&mut spec.ip_addresses, list(ingress, "ip-sans"));
    add(&mut spec.email_addresses, list(ingress, "email-sans"));
    let subject = Subject {
        organizations: list(ingress, "subject-organizations"),
        organizational_units: list(ingress, "subject-organizationalunits"),
        countries: list(ingress, "subject-countries"),
        provinces: list(ingress, "subject-provinces"),
        localities: list(ingress, "subject-localities"),
        postal_codes: list(ingress, "subject-postalcodes"),
        street_addresses: list(ingress, "subject-streetaddresses"),
        serial_number: value(ingress, "subject-serialnumber").unwrap_or_default().to_owned(),
    };
    spec.subject = Some(subject).filter(|subject| *subject != Subject::default());
    spec.duration = parsed::<GoDuration>(ingress, "duration")?;
    spec.renew_before = parsed::<GoDuration>(ingress, "renew-before")?;
    spec.renew_before_percentage = parsed(ingress, "renew-before-percentage")?;
    let usages = list(ingress, "usages");
    if !usages.is_empty() {
        spec.usages = usages;
    }
    spec.revision_history_limit = parsed(ingress, "revision-history-limit")?;
    if spec.revision_history_limit.is_some_and(|limit: i32| limit < 1) {
        return Err(format!("invalid value of annotation {PREFIX}revision-history-limit: it must be at least 1"));
    }
    if let Some(template) = value(ingress, "secret-template") {
        let template: SecretTemplate =
            serde_json::from_str(template).map_err(|error| format!("error parsing secret template JSON: {error}"))?;
        spec.secret_template = Some(template);
    }
    let key = PrivateKeySpec {
        algorithm: word(
            ingress,
            "private-key-algorithm",
            &[("RSA", Algorithm::RSA), ("ECDSA", Algorithm::ECDSA), ("Ed25519", Algorithm::Ed25519)],
        )?,
        encoding: word(ingress, "private-key-encoding", &[("PKCS1", Encoding::PKCS1), ("PKCS8", Encoding::PKCS8)])?,
        size: parsed(ingress, "private-key-size")?,
        rotation_policy: word(
            ingress,
            "private-key-rotation-policy",
            &[("Always", RotationPolicy::Always), ("Never", RotationPolicy::Never)],
        )?,
    };
    spec.private_key = Some(key).filter(|key| *key != PrivateKeySpec::default());
    Ok(())
}
