use super::spec::{CUSTOM_KINDS, Spec};
use super::{Group, VERSION};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::core::schema::{OptionalEnum, OptionalIntOrString, StructuralSchemaRewriter};
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

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

/// Returns the structural schema of a type, as an API server takes it.
pub(super) fn schema<S: JsonSchema>() -> Schema {
    SchemaSettings::openapi3()
        .with(|settings| {
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        })
        .with_transform(StructuralSchemaRewriter)
        .with_transform(OptionalEnum)
        .with_transform(OptionalIntOrString)
        .with_transform(Plain)
        .into_generator()
        .into_root_schema_for::<S>()
}

/// Returns the definition of a custom kind in a group.
pub(super) fn definition<S: Spec>(group: Group) -> Value {
    let (kind, plural, spec) = (S::KIND, S::PLURAL, schema::<S>());
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("{plural}.{group}") },
        "spec": {
            "group": group.name(),
            "names": {
                "kind": kind,
                "listKind": format!("{kind}List"),
                "plural": plural,
                "singular": kind.to_lowercase(),
            },
            "scope": "Namespaced",
            "versions": [{
                "name": VERSION,
                "served": true,
                "storage": true,
                "schema": { "openAPIV3Schema": {
                    "type": "object",
                    "required": ["metadata", "spec"],
                    "properties": {
                        "apiVersion": { "type": "string" },
                        "kind": { "type": "string" },
                        "metadata": { "type": "object" },
                        "spec": spec,
                    },
                } },
            }],
        },
    })
}

/// Removes what would change users' objects or be refused: an API server writes defaults into stored objects and knows
/// no unsigned formats; "nothing" is said by leaving a field out.
#[derive(Clone, Debug)]
struct Plain;

impl Transform for Plain {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(object) = schema.as_object_mut() else { return };
        for key in ["default", "nullable", "title"] {
            object.remove(key);
        }
        if let Some(values) = object.get_mut("enum").and_then(Value::as_array_mut) {
            values.retain(|value| !value.is_null());
        }
        if object.get("format").and_then(Value::as_str).is_some_and(|format| format != "int32" && format != "int64") {
            object.remove("format");
        }
    }
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
            assert_eq!(definitions.len(), 4);
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
