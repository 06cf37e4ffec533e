use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Where an object lives. Objects of the whole cluster have an empty namespace.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Key {
    /// Namespace; empty for the whole cluster.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl Key {
    /// The key `namespace/name`.
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

/// The part of Kubernetes' `ObjectMeta` that counts here, in its JSON.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Meta {
    /// Name.
    pub name: String,
    /// Namespace; empty for objects of the whole cluster.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Given by the store at creation.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// Counts changes of the spec.
    #[serde(skip_serializing_if = "is_zero")]
    pub generation: i64,
    /// Changes with every write; a write that carries it holds only if nobody wrote in between.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resource_version: String,
    /// When it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_timestamp: Option<Timestamp>,
    /// Set while it waits for its finalizers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_timestamp: Option<Timestamp>,
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// What it goes down with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub owner_references: Vec<Owner>,
    /// What must be done before it goes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub finalizers: Vec<String>,
    /// In a folder: what the last apply brought, as Kubernetes' `managedFields` say it in a cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applied: Option<Box<Applied>>,
}

/// Names of what was applied to a Secret: what is not applied again goes, and nothing else does.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Applied {
    /// Labels.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub labels: BTreeSet<String>,
    /// Annotations.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub annotations: BTreeSet<String>,
    /// Entries.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub data: BTreeSet<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(n: &i64) -> bool {
    *n == 0
}

impl Meta {
    /// Meta of a new object.
    #[must_use]
    pub fn named(key: Key) -> Self {
        Self { namespace: key.namespace, name: key.name, ..Self::default() }
    }

    /// Where the object lives.
    #[must_use]
    pub fn key(&self) -> Key {
        Key::new(self.namespace.clone(), self.name.clone())
    }

    /// An annotation's value.
    #[must_use]
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.get(name).map(String::as_str)
    }

    /// The owner that controls it.
    #[must_use]
    pub fn controller(&self) -> Option<&Owner> {
        self.owner_references.iter().find(|owner| owner.controller == Some(true))
    }

    /// Whether `owner` controls it: by uid, or by kind and name where a store knows no uids.
    #[must_use]
    pub fn controlled_by(&self, kind: &str, owner: &Self) -> bool {
        self.namespace == owner.namespace
            && self.controller().is_some_and(|o| o.kind == kind && o.name == owner.name && o.uid == owner.uid)
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
    /// It is the one that controls the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controller: Option<bool>,
    /// Its deletion waits for the object's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block_owner_deletion: Option<bool>,
}

impl Owner {
    /// The controlling, blocking reference that cert-manager writes.
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

/// An object with its desired state and its actual one.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(bound(deserialize = "S: Deserialize<'de>, T: Deserialize<'de> + Default"))]
pub struct Object<S, T> {
    /// Name, owner, labels.
    pub metadata: Meta,
    /// What is wanted.
    pub spec: S,
    /// What is.
    #[serde(default)]
    pub status: T,
}

impl<S, T> Object<S, T> {
    /// Where it lives.
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
    /// Its kind, the default filled in.
    #[must_use]
    pub fn kind(&self) -> &str {
        if self.kind.is_empty() { "Issuer" } else { &self.kind }
    }

    /// Its group, the default filled in.
    #[must_use]
    pub fn group(&self) -> &str {
        if self.group.is_empty() { super::GROUP } else { &self.group }
    }

    /// The key of the issuer that an object of `namespace` means.
    #[must_use]
    pub fn key(&self, namespace: &str) -> Key {
        let namespace = if self.kind() == "ClusterIssuer" { "" } else { namespace };
        Key::new(namespace, self.name.clone())
    }

    /// Whether both mean the same issuer.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        self.name == other.name && self.kind() == other.kind() && self.group() == other.group()
    }
}
