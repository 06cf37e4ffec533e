//! The custom kinds of Traefik's that are read.

use super::definition::definition;
use super::{Group, MiddlewareSpec, ServersTransportSpec, TlsOptionSpec, TlsStoreSpec};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Hands the list of custom kinds on to a macro: the kind, the type of its specification, and its name in a view. A new
/// kind is a line here, a file with its type beside this one, and its translation in `translate/crd`.
macro_rules! custom_kinds {
    ($to:ident) => {
        $to! {
            Middleware: MiddlewareSpec in middlewares,
            ServersTransport: ServersTransportSpec in servers_transports,
            TlsOption: TlsOptionSpec in tls_options,
            TlsStore: TlsStoreSpec in tls_stores,
        }
    };
}
pub(crate) use custom_kinds;

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
