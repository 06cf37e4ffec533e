//! Objects from manifests.

use super::Object;
use super::kinds::Kind;
use super::manifest::{InvalidObject, namespaced, parse};
use crate::crd::Group;
use serde_json::Value;

impl Object {
    /// Reads a whole object, as in a manifest; `None` for kinds that are not read. A namespaced object that names no
    /// namespace is in `default`.
    ///
    /// # Errors
    /// If it is not an object, or a field of a core kind has the wrong type. (Custom resources keep such errors in
    /// themselves.)
    pub fn from_manifest(mut manifest: Value) -> Result<Option<Self>, InvalidObject> {
        let text = |field| manifest.get(field).and_then(Value::as_str);
        let api_version = text("apiVersion").ok_or(InvalidObject::Missing("apiVersion"))?.to_owned();
        let kind = text("kind").ok_or(InvalidObject::Missing("kind"))?.to_owned();
        let Some(group) = Group::of_api_version(&api_version) else {
            return Self::of_kubernetes(&api_version, &kind, manifest);
        };
        let Some(custom) = Kind::custom(group).find(|custom| custom.name() == kind) else { return Ok(None) };
        let metadata = namespaced(parse(&kind, manifest.get("metadata").cloned().unwrap_or_default())?)?;
        let spec = manifest.get_mut("spec").map_or_else(|| Value::Object(serde_json::Map::new()), Value::take);
        Ok(Self::custom(custom, &metadata, spec))
    }
}
