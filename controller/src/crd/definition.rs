use super::spec::Spec;
use super::{Group, VERSION};
use kube::core::schema::{OptionalEnum, OptionalIntOrString, StructuralSchemaRewriter};
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

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
