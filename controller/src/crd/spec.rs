//! The specification of a custom kind.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The specification of a custom kind.
pub trait Spec: DeserializeOwned + JsonSchema + PartialEq + 'static {
    /// The kind's name.
    const KIND: &'static str;
    /// Its name in paths of the API and in permissions.
    const PLURAL: &'static str;

    /// Returns the Secrets and ConfigMaps that it names, in its own namespace. Empty names are none.
    fn named(&self) -> Vec<Named<'_>>;

    /// Returns its structural schema without descriptions, made once.
    fn fields() -> &'static Value;
}

/// An object that a specification names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Named<'a> {
    /// A ConfigMap.
    ConfigMap(&'a str),
    /// A Secret.
    Secret(&'a str),
}
