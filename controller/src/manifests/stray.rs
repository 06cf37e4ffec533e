//! Documents that are not Kubernetes objects, and their descriptions.

use serde_json::Value;
use std::path::Path;

/// A document in a folder that is not a manifest.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Stray {
    #[error(
        "this is a kustomization, which is not built here: put what `kubectl kustomize` prints in its place (the files beside it are read as they stand)"
    )]
    Kustomization,
    #[error("this is a Helm template and no manifest: put what `helm template` prints in its place")]
    Template,
    #[error("these are the values of a Helm chart and no manifest: put what `helm template` prints in their place")]
    Values,
    #[error("this describes a Helm chart and is no manifest: put what `helm template` prints in its place")]
    Chart,
    #[error("this is a Compose file and no manifest")]
    Compose,
    #[error(
        "this is the dynamic configuration of Traefik's file provider and no manifest: put it into the folder of \
         providers.file.directory"
    )]
    Dynamic,
    #[error("this is a static configuration and no manifest: give it by --configFile")]
    Static,
    #[error("this is no Kubernetes object: it has neither apiVersion nor kind")]
    Unknown,
}

/// Returns what a document is that is not a Kubernetes object; `None` for one that is, or tries to be.
pub(super) fn of(path: &Path, document: &Value) -> Option<Stray> {
    let has = |field: &str| document.get(field).is_some_and(|value| !value.is_null());
    let file = path.file_stem().map(|stem| stem.to_string_lossy().to_lowercase()).unwrap_or_default();
    let api_version = document.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    let is_kustomization = file == "kustomization" && !(has("kind") && has("metadata"));
    if api_version.starts_with("kustomize.config.k8s.io/") || is_kustomization {
        return Some(Stray::Kustomization);
    }
    if is_template(document) {
        return Some(Stray::Template);
    }
    if has("kind") {
        return None;
    }
    if file == "chart" && has("name") && has("version") {
        return Some(Stray::Chart);
    }
    if has("apiVersion") {
        return None;
    }
    let is_section = |field: &str| document.get(field).is_some_and(Value::is_object);
    Some(if file == "values" || file.starts_with("values-") || file.starts_with("values.") {
        Stray::Values
    } else if ["http", "tcp", "udp"].into_iter().any(is_section) {
        Stray::Dynamic
    } else if ["entryPoints", "entrypoints", "providers"].into_iter().any(is_section) {
        Stray::Static
    } else if is_section("services") {
        Stray::Compose
    } else {
        Stray::Unknown
    })
}

/// True if text that cannot be read as YAML is a template.
pub(super) fn is_template_text(text: &str) -> bool {
    text.split_once("{{").is_some_and(|(_, rest)| rest.contains("}}"))
}

/// True for names or hosts that only a template has: those of objects cannot hold braces.
fn is_template(document: &Value) -> bool {
    let braces = |value: Option<&Value>| value.and_then(Value::as_str).is_some_and(is_template_text);
    let metadata = ["/metadata/name", "/metadata/namespace", "/kind", "/apiVersion"];
    let rules = document.pointer("/spec/rules").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    metadata.into_iter().any(|path| braces(document.pointer(path))) || rules.iter().any(|rule| braces(rule.get("host")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn documents_are_told_for_what_they_are() {
        for (file, document, stray) in [
            ("kustomization.yaml", json!({ "resources": ["base"] }), Some(Stray::Kustomization)),
            (
                "k.yaml",
                json!({ "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization" }),
                Some(Stray::Kustomization),
            ),
            ("values.yaml", json!({ "replicaCount": 1 }), Some(Stray::Values)),
            ("values-prod.yaml", json!({ "image": { "tag": "x" } }), Some(Stray::Values)),
            ("Chart.yaml", json!({ "apiVersion": "v2", "name": "x", "version": "1" }), Some(Stray::Chart)),
            ("compose.yaml", json!({ "services": { "a": {} } }), Some(Stray::Compose)),
            ("dynamic.yml", json!({ "http": { "routers": {} } }), Some(Stray::Dynamic)),
            ("traefik.yml", json!({ "entryPoints": { "web": {} } }), Some(Stray::Static)),
            ("a.json", json!(["x"]), Some(Stray::Unknown)),
            ("a.yaml", json!({ "kind": "Service", "metadata": { "name": "x" } }), None),
            ("a.yaml", json!({ "apiVersion": "v1" }), None),
            (
                "i.yaml",
                json!({ "kind": "Ingress", "metadata": { "name": "{{ .Release.Name }}" } }),
                Some(Stray::Template),
            ),
            (
                "i.yaml",
                json!({ "kind": "Ingress", "spec": { "rules": [{ "host": "{{ .Values.host }}" }] } }),
                Some(Stray::Template),
            ),
            // A pattern of Traefik 2 has single braces.
            ("i.yaml", json!({ "kind": "Ingress", "spec": { "rules": [{ "host": "{sub:[a-z]+}.x" }] } }), None),
        ] {
            assert_eq!(of(Path::new(file), &document), stray, "{file}: {document}");
        }
    }
}
