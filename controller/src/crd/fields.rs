//! Fields that an object has and its type does not. An API server drops them silently; with a folder they are reported.

use super::custom_kinds::custom_names;
use super::definition::schema;
use super::spec::Spec;
use flow_model::nearest;
use schemars::JsonSchema;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// The number of unknown fields of one object that are named one by one.
const MAX_NAMED: usize = 20;

/// Returns a schema without its descriptions.
pub(super) fn shape<S: JsonSchema>() -> Value {
    let mut value = schema::<S>().to_value();
    strip(&mut value);
    value
}

fn strip(schema: &mut Value) {
    let Some(schema) = schema.as_object_mut() else { return };
    schema.retain(|key, _| {
        matches!(key.as_str(), "properties" | "items" | "additionalProperties" | "x-kubernetes-preserve-unknown-fields")
    });
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.values_mut().for_each(strip);
    }
    for key in ["items", "additionalProperties"] {
        schema.get_mut(key).into_iter().for_each(strip);
    }
}

/// The fields of an Ingress (`networking.k8s.io/v1`).
static INGRESS: LazyLock<Value> = LazyLock::new(|| {
    let port = json!({ "properties": { "name": {}, "number": {} } });
    let service = json!({ "properties": { "name": {}, "port": port } });
    let resource = json!({ "properties": { "apiGroup": {}, "kind": {}, "name": {} } });
    let backend = json!({ "properties": { "resource": resource, "service": service } });
    let path = json!({ "properties": { "backend": backend, "path": {}, "pathType": {} } });
    let http = json!({ "properties": { "paths": { "items": path } } });
    let rule = json!({ "properties": { "host": {}, "http": http } });
    json!({ "properties": {
        "defaultBackend": backend,
        "ingressClassName": {},
        "rules": { "items": rule },
        "tls": { "items": { "properties": { "hosts": {}, "secretName": {} } } },
    } })
});

/// Returns the findings about fields of a manifest of a kind that is read, but for custom resources' `spec`.
pub(crate) fn of_manifest(manifest: &Value) -> Vec<String> {
    let kind = manifest.get("kind").and_then(Value::as_str).unwrap_or_default();
    let own: &[&str] = match kind {
        "Ingress" | "Service" => &["spec", "status"],
        "IngressClass" => &["spec"],
        "ConfigMap" => &["binaryData", "data", "immutable"],
        "EndpointSlice" => &["addressType", "endpoints", "ports"],
        "Secret" => &["data", "immutable", "stringData", "type"],
        _ if custom_names().any(|custom| custom == kind) => &["spec"],
        _ => return Vec::new(),
    };
    let known = ["apiVersion", "kind", "metadata"].iter().chain(own);
    let properties: Map<String, Value> = known.map(|&field| (field.to_owned(), json!({}))).collect();
    let mut schema = json!({ "properties": properties });
    if kind == "Ingress" {
        schema["properties"]["spec"] = INGRESS.clone();
    }
    // Anchors are kept in fields of such names.
    let is_extension = |line: &String| line.starts_with("x-");
    let mut found = Vec::new();
    walk(&schema, manifest, "", &mut found);
    found.retain(|line| !is_extension(line));
    found
}

/// Returns the findings about the fields of `spec` that its type does not have.
pub(crate) fn of_spec<S: Spec>(spec: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(S::fields(), spec, "spec", &mut found);
    found
}

fn walk(schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
                if let Some(any) = schema.get("additionalProperties") {
                    fields.iter().for_each(|(name, value)| walk(any, value, &below(path, name), found));
                }
                return;
            };
            let open = schema.get("x-kubernetes-preserve-unknown-fields").is_some();
            for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
                if found.len() >= MAX_NAMED {
                    return;
                }
                let path = below(path, name);
                match properties.get(name) {
                    Some(schema) => walk(schema, value, &path, found),
                    None if open => {}
                    None => {
                        let near = nearest::name(name, properties.keys().map(String::as_str));
                        let hint = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
                        found.push(format!("{path}: there is no such field, so it has no effect{hint}"));
                    }
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                for (index, item) in items.iter().enumerate() {
                    walk(schema, item, &format!("{path}[{index}]"), found);
                }
            }
        }
        _ => {}
    }
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::{MiddlewareSpec, ServersTransportSpec, TlsOptionSpec, TlsStoreSpec};

    #[test]
    fn slips_are_told_with_the_nearest_field() {
        let told = of_spec::<MiddlewareSpec>(&json!({ "rateLimit": { "avrage": 5, "burst": 1 } }));
        assert_eq!(told, ["spec.rateLimit.avrage: there is no such field, so it has no effect; did you mean average?"]);
        let told = of_spec::<MiddlewareSpec>(&json!({ "ipAllowlist": { "sourceRange": ["10.0.0.0/8"] } }));
        assert!(told[0].starts_with("spec.ipAllowlist:") && told[0].ends_with("did you mean ipAllowList?"), "{told:?}");
        let told = of_spec::<TlsOptionSpec>(&json!({ "clientAuth": { "secretName": ["a"] } }));
        assert!(told[0].contains("did you mean secretNames?"), "{told:?}");
        let told = of_spec::<TlsStoreSpec>(&json!({ "certificates": [{ "secret": "a" }] }));
        assert!(told[0].starts_with("spec.certificates[0].secret:"), "{told:?}");
    }

    #[test]
    fn known_fields_and_free_maps_are_not_told() {
        for spec in [
            json!({ "headers": { "customRequestHeaders": { "X-Any": "x" }, "stsSeconds": 1 } }),
            json!({ "plugin": { "any": { "at": ["all"] } } }),
            json!({ "errors": { "statusRewrites": { "418": 404 }, "status": ["500"], "service": { "name": "x", "port": 80 } } }),
            json!({ "basicAuth": { "secret": "x" }, "addPrefix": null }),
            Value::Null,
        ] {
            assert_eq!(of_spec::<MiddlewareSpec>(&spec), [] as [String; 0], "{spec}");
        }
        assert_eq!(of_spec::<ServersTransportSpec>(&json!({ "rootCAs": [{ "secret": "x" }] })), [] as [String; 0]);
    }

    #[test]
    fn an_ingress_is_walked_too() {
        let told = of_manifest(&json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": { "name": "i" }, "x-labels": {},
            "spec": { "ingressClasName": "traefik", "rules": [{ "host": "a", "http": { "paths": [
                { "path": "/", "pathtype": "Prefix", "backend": { "serviceName": "web", "servicePort": 80 } },
            ] } }] },
        }));
        let begins: Vec<_> = told.iter().map(|line| line.split(':').next().unwrap_or_default()).collect();
        assert_eq!(
            begins,
            [
                "spec.ingressClasName",
                "spec.rules[0].http.paths[0].backend.serviceName",
                "spec.rules[0].http.paths[0].backend.servicePort",
                "spec.rules[0].http.paths[0].pathtype",
            ]
        );
        let told = of_manifest(&json!({ "kind": "Middleware", "metadata": {}, "basicAuth": {}, "spec": { "any": 1 } }));
        assert_eq!(told, ["basicAuth: there is no such field, so it has no effect"]);
    }
}
