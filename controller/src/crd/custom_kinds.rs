//! The custom kinds of Traefik's that are read.

use super::definition::definition;
use super::spec::Spec;
use super::{
    Group, IngressRouteSpec, MiddlewareSpec, ServersTransportSpec, TlsOptionSpec, TlsStoreSpec, TraefikServiceSpec,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::Value;

/// Hands the list of custom kinds on to a macro: the kind, the type of its specification, and its name in a view. A new
/// kind is a line here, a file with its type beside this one, and its translation in `translate/crd`.
macro_rules! custom_kinds {
    ($to:ident) => {
        $to! {
            IngressRoute: IngressRouteSpec in ingress_routes,
            Middleware: MiddlewareSpec in middlewares,
            ServersTransport: ServersTransportSpec in servers_transports,
            TlsOption: TlsOptionSpec in tls_options,
            TlsStore: TlsStoreSpec in tls_stores,
            TraefikService: TraefikServiceSpec in traefik_services,
        }
    };
}
pub(crate) use custom_kinds;

/// A custom kind, without its type.
#[derive(Debug)]
pub(crate) struct CustomKind {
    pub(crate) name: &'static str,
    /// Returns the definition in a group.
    pub(super) definition: fn(Group) -> Value,
}

impl CustomKind {
    const fn of<S: Spec>() -> Self {
        Self { name: S::KIND, definition: definition::<S> }
    }
}

/// Declares [`CUSTOM_KINDS`].
macro_rules! list {
    ($($kind:ident: $spec:ident in $field:ident,)*) => {
        /// The custom kinds, by name.
        pub(crate) const CUSTOM_KINDS: &[CustomKind] = &[$(CustomKind::of::<$spec>()),*];
    };
}
custom_kinds!(list);

/// Returns the names of the custom kinds.
pub(crate) fn custom_names() -> impl Iterator<Item = &'static str> {
    CUSTOM_KINDS.iter().map(|kind| kind.name)
}

/// Returns the definitions of a group's custom resources.
///
/// # Errors
/// If Kubernetes' type cannot hold a generated schema, which is a mistake in this module.
pub fn all(group: Group) -> Result<Vec<CustomResourceDefinition>, serde_json::Error> {
    documents(group).into_iter().map(serde_json::from_value).collect()
}

/// Returns the same as a YAML stream.
///
/// # Errors
/// As [`all`].
pub fn yaml(group: Group) -> Result<String, serde_yaml_ng::Error> {
    let mut text = String::from("# Generated from the Rust types in controller/src/crd; do not edit.\n");
    for document in documents(group) {
        text.push_str("---\n");
        text.push_str(&serde_yaml_ng::to_string(&document)?);
    }
    Ok(text)
}

fn documents(group: Group) -> Vec<Value> {
    CUSTOM_KINDS.iter().map(|kind| (kind.definition)(group)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::path::Path;

    /// The files that users apply are these types. `UPDATE=1 cargo test -p flow-controller crds` writes them anew.
    #[test]
    fn crds_in_deploy_are_generated_from_the_types() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/crds");
        for group in Group::ALL {
            let file = folder.join(format!("{group}.yaml"));
            let text = yaml(group).unwrap();
            if std::env::var_os("UPDATE").is_some() {
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(&file, &text).unwrap();
            }
            let written = std::fs::read_to_string(&file).unwrap_or_default();
            assert!(written == text, "{} is not what the types say; run with UPDATE=1", file.display());
        }
    }

    #[test]
    fn definitions_are_valid_for_kubernetes_types() {
        for group in Group::ALL {
            let definitions = all(group).unwrap();
            assert_eq!(definitions.len(), 6);
            assert!(definitions.iter().all(|d| d.spec.group == group.name() && d.spec.scope == "Namespaced"));
        }
    }

    #[test]
    fn schemas_hold_no_defaults_and_every_node_has_a_type() {
        fn walk(path: &str, schema: &Value) {
            let object = schema.as_object().unwrap();
            assert!(!object.contains_key("default") && !object.contains_key("nullable"), "{path}");
            assert!(
                object.get("enum").is_none_or(|values| !values.as_array().unwrap().contains(&Value::Null)),
                "{path}"
            );
            assert!(
                object.contains_key("type")
                    || object.get("x-kubernetes-int-or-string").is_some()
                    || object.get("x-kubernetes-preserve-unknown-fields").is_some(),
                "{path}: {schema}"
            );
            for (name, child) in object.get("properties").and_then(Value::as_object).into_iter().flatten() {
                walk(&format!("{path}.{name}"), child);
            }
            for key in ["items", "additionalProperties"] {
                if let Some(child) = object.get(key).filter(|child| child.is_object()) {
                    walk(&format!("{path}.{key}"), child);
                }
            }
        }
        for document in documents(Group::TraefikIo) {
            walk("", &document["spec"]["versions"][0]["schema"]["openAPIV3Schema"]);
        }
    }
}
