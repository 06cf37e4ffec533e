use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Namespace and name of an object. Cluster-scoped objects have an empty namespace.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Key {
    /// Namespace. Empty: cluster-scoped.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl Key {
    /// Makes a key from its parts.
    #[must_use]
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() { f.write_str(&self.name) } else { write!(f, "{}/{}", self.namespace, self.name) }
    }
}

/// The part of Kubernetes' `ObjectMeta` that is needed here, with the same JSON.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Meta {
    /// Name.
    pub name: String,
    /// Namespace. Empty: cluster-scoped.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Unique id, given by the store at creation.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// Number that grows with each change of the spec.
    #[serde(skip_serializing_if = "is_zero")]
    pub generation: i64,
    /// Version that changes with every write. A write that carries it fails if the object was written since.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resource_version: String,
    /// Time of creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_timestamp: Option<Timestamp>,
    /// Time of the deletion request, set while finalizers are pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_timestamp: Option<Timestamp>,
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Owners: the object is deleted with them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub owner_references: Vec<Owner>,
    /// Tasks to be done before deletion.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub finalizers: Vec<String>,
    /// In a state folder: the names that the last apply set, as Kubernetes keeps them in `managedFields`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applied: Option<Box<Applied>>,
}

/// The names that an apply to a Secret set. Those missing in the next apply are removed, and nothing else is.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Applied {
    /// Labels.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub labels: BTreeSet<String>,
    /// Annotations.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub annotations: BTreeSet<String>,
    /// Entries of the data.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub data: BTreeSet<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(n: &i64) -> bool {
    *n == 0
}

impl Meta {
    /// Metadata of a new object.
    #[must_use]
    pub fn named(key: Key) -> Self {
        Self { namespace: key.namespace, name: key.name, ..Self::default() }
    }

    /// Namespace and name.
    #[must_use]
    pub fn key(&self) -> Key {
        Key::new(self.namespace.clone(), self.name.clone())
    }

    /// Returns an annotation's value.
    #[must_use]
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.get(name).map(String::as_str)
    }

    /// Returns the owner that controls the object.
    #[must_use]
    pub fn controller(&self) -> Option<&Owner> {
        self.owner_references.iter().find(|owner| owner.controller == Some(true))
    }

    /// True if `owner` controls it: by uid, or by kind and name if the store has no uids.
    #[must_use]
    pub fn controlled_by(&self, kind: &str, owner: &Self) -> bool {
        self.namespace == owner.namespace
            && self.controller().is_some_and(|o| o.kind == kind && o.name == owner.name && o.uid == owner.uid)
    }
}

/// An object with metadata.
pub trait HasMeta {
    /// Name, labels, annotations, owners.
    fn meta(&self) -> &Meta;
}

impl<S, T> HasMeta for Object<S, T> {
    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

/// An owner reference.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Owner {
    /// `group/version`.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: String,
    /// Uid.
    pub uid: String,
    /// True for the owner that controls the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controller: Option<bool>,
    /// True if the owner's foreground deletion waits for the object's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block_owner_deletion: Option<bool>,
}

impl Owner {
    /// A controlling, blocking reference, as cert-manager writes it.
    #[must_use]
    pub fn controller(api_version: &str, kind: &str, meta: &Meta) -> Self {
        Self {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            name: meta.name.clone(),
            uid: meta.uid.clone(),
            controller: Some(true),
            block_owner_deletion: Some(true),
        }
    }
}

/// An object with its desired and its actual state.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(bound(deserialize = "S: Deserialize<'de>, T: Deserialize<'de> + Default"))]
pub struct Object<S, T> {
    /// Name, labels, annotations, owners.
    pub metadata: Meta,
    /// The desired state.
    pub spec: S,
    /// The actual state.
    #[serde(default)]
    pub status: T,
}

impl<S, T> Object<S, T> {
    /// Namespace and name.
    #[must_use]
    pub fn key(&self) -> Key {
        self.metadata.key()
    }
}

/// Which issuer. Empty kind is `Issuer`, empty group is `cert-manager.io`.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IssuerRef {
    /// Name.
    pub name: String,
    /// `Issuer` (the default) or `ClusterIssuer`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// `cert-manager.io`, the default, or another signer's.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
}

impl IssuerRef {
    /// True if issuers of its group are served here: cert-manager's group, or our own, used where cert-manager runs too.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        matches!(self.group(), super::GROUP | crate::names::OWN)
    }

    /// The kind, with the default filled in.
    #[must_use]
    pub fn kind(&self) -> &str {
        if self.kind.is_empty() { "Issuer" } else { &self.kind }
    }

    /// The group, with the default filled in.
    #[must_use]
    pub fn group(&self) -> &str {
        if self.group.is_empty() { super::GROUP } else { &self.group }
    }

    /// The key of this issuer, seen from an object in `namespace`.
    #[must_use]
    pub fn key(&self, namespace: &str) -> Key {
        let namespace = if self.kind() == "ClusterIssuer" { "" } else { namespace };
        Key::new(namespace, self.name.clone())
    }

    /// True if both name the same issuer.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        self.name == other.name && self.kind() == other.kind() && self.group() == other.group()
    }
}
