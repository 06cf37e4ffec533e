//! Helpers of the tests of the translation: objects from YAML, and configurations as JSON.
#![allow(dead_code, clippy::unwrap_used, clippy::missing_panics_doc, reason = "tests")]

use flow_controller::view::{Object, View};
use flow_model::config::{Config, ServersTransport};
use flow_model::diagnostic::Diagnostic;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Returns the documents of a YAML text.
pub(crate) fn documents(text: &str) -> Vec<Value> {
    let documents = serde_yaml_ng::Deserializer::from_str(text);
    documents
        .map(|document| serde::Deserialize::deserialize(document).unwrap())
        .filter(|v: &Value| !v.is_null())
        .collect()
}

/// Returns a view of objects. Secrets come last: only those that are named are held.
pub(crate) fn view(manifests: impl IntoIterator<Item = Value>) -> View {
    let mut view = View::default();
    let (last, first): (Vec<_>, Vec<_>) = manifests
        .into_iter()
        .filter_map(|manifest| Object::from_manifest(manifest).unwrap())
        .partition(|object| matches!(object, Object::Secret(_) | Object::ConfigMap(_)));
    for object in first.into_iter().chain(last) {
        view.apply(object);
    }
    view
}

fn objects<'a, T: Serialize + 'a>(
    all: impl IntoIterator<Item = (&'a std::sync::Arc<str>, &'a std::sync::Arc<T>)>,
) -> Value {
    let sorted: BTreeMap<_, _> = all.into_iter().map(|(name, object)| (name.to_string(), json!(&**object))).collect();
    json!(sorted)
}

fn transport(transport: &ServersTransport) -> Value {
    let texts: Vec<_> = transport.root_cas.iter().map(|pem| String::from_utf8_lossy(pem)).collect();
    let origins: Vec<_> = transport.certificates.iter().map(|certificate| certificate.origin.to_string()).collect();
    let times = &transport.timeouts;
    json!({
        "serverName": transport.server_name,
        "insecureSkipVerify": transport.insecure_skip_verify,
        "disableHTTP2": transport.disable_http2,
        "peerCertURI": transport.peer_cert_uri,
        "versions": [transport.min_version, transport.max_version],
        "rootCAs": texts,
        "certificates": origins,
        "idle": transport.max_idle_connections,
        "timeouts": [times.dial, times.response_header, times.idle_connection, times.read_idle, times.ping],
    })
}

fn told(diagnostic: &Diagnostic) -> String {
    let Diagnostic { severity, subject, message } = diagnostic;
    let severity = json!(severity);
    let severity = severity.as_str().unwrap_or_default();
    format!("{severity} {} {}/{}: {message}", subject.kind, subject.namespace, subject.name)
}

/// Returns a configuration as JSON without empty fields.
pub(crate) fn shown(config: &Config) -> Value {
    let mut all = Map::new();
    all.insert("routers".into(), objects(&config.routers));
    all.insert("services".into(), objects(&config.services));
    all.insert(
        "middlewares".into(),
        config
            .middlewares
            .iter()
            .map(|(name, middleware)| {
                let shown = match &**middleware {
                    flow_model::middleware::Middleware::Absent(message) => json!({ "absent": message }),
                    flow_model::middleware::Middleware::Invalid(message) => json!({ "invalid": message }),
                    valid => json!(valid),
                };
                (name.to_string(), shown)
            })
            .collect::<Map<_, _>>()
            .into(),
    );
    all.insert(
        "serversTransports".into(),
        config
            .servers_transports
            .iter()
            .map(|(name, shared)| (name.to_string(), transport(shared)))
            .collect::<Map<_, _>>()
            .into(),
    );
    let options = config.tls_options.iter().map(|(name, options)| {
        let mut shown = json!(&**options);
        if let Some(broken) = &options.broken {
            shown["broken"] = broken.as_str().into();
        }
        (name.to_string(), shown)
    });
    all.insert("tlsOptions".into(), options.collect::<Map<_, _>>().into());
    let stores = config.tls_stores.iter().map(|(name, store)| {
        let origin = store.default_certificate.as_ref().map(|certificate| certificate.origin.to_string());
        (name.to_string(), json!({ "defaultCertificate": origin, "defaultGenerated": store.default_generated }))
    });
    all.insert("tlsStores".into(), stores.collect::<Map<_, _>>().into());
    let origins: Vec<_> = config.certificates.iter().map(|certificate| certificate.origin.to_string()).collect();
    all.insert("certificates".into(), json!(origins));
    let mut diagnostics: Vec<_> = config.diagnostics.iter().map(told).collect();
    diagnostics.sort();
    all.insert("diagnostics".into(), json!(diagnostics));
    all.retain(|_, value| match value {
        Value::Object(fields) => !fields.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => true,
    });
    Value::Object(all)
}
