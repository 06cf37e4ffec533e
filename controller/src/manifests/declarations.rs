//! Manifests about certificates: cert-manager's objects, annotated Ingresses, and the Secrets that those name.

use crate::certificates::objects::{ingress, secret};
use crate::certificates::troubles::subject;
use crate::view::InvalidObject;
use flow_acme::objects::{Certificate, GROUP, Issuer, Key, Meta, Secret, VERSION};
use flow_acme::planner::{self, IngressFacts};
use flow_acme::store::folder::Declared;
use flow_model::diagnostic::Subject;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::networking::v1 as networking;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The declaration of one manifest.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Declaration {
    Certificate(Box<Certificate>),
    Ingress(IngressFacts),
    Issuer(Box<Issuer>),
    Secret(Secret),
}

/// The declarations of a folder; of several definitions of an object the last.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Declarations {
    certificates: BTreeMap<Key, Certificate>,
    ingresses: BTreeMap<Key, IngressFacts>,
    issuers: BTreeMap<Key, Issuer>,
    secrets: BTreeMap<Key, Secret>,
}

/// True if a manifest is of a kind that only certificates are made of.
pub(super) fn is_own(manifest: &Value) -> bool {
    let text = |field: &str| manifest.get(field).and_then(Value::as_str).unwrap_or_default();
    text("apiVersion") == format!("{GROUP}/{VERSION}")
        && matches!(text("kind"), "Certificate" | "ClusterIssuer" | "Issuer")
}

/// Reads a manifest of such a kind.
///
/// # Errors
/// If it is not a valid object of its kind.
pub(super) fn read_own(manifest: Value) -> Result<Declaration, InvalidObject> {
    let kind = manifest.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
    if kind == "Certificate" {
        let mut certificate: Certificate = parse(&kind, manifest)?;
        fill_namespace(&mut certificate.metadata);
        return Ok(Declaration::Certificate(Box::new(certificate)));
    }
    let mut issuer: Issuer = parse(&kind, manifest)?;
    if kind == "Issuer" {
        fill_namespace(&mut issuer.metadata);
    } else {
        issuer.metadata.namespace = String::new();
    }
    Ok(Declaration::Issuer(Box::new(issuer)))
}

/// Returns the declaration of an Ingress in a namespace, if it asks for certificates.
pub(super) fn of_ingress(object: &networking::Ingress) -> Option<Declaration> {
    ingress(object).map(Declaration::Ingress)
}

/// Returns the declaration of a Secret in a namespace. Its `stringData` is merged into `data`, as by an API server.
pub(super) fn of_secret(mut object: core::Secret) -> Declaration {
    let text = object.string_data.take().unwrap_or_default().into_iter();
    let text = text.map(|(name, value)| (name, k8s_openapi::ByteString(value.into_bytes())));
    object.data.get_or_insert_default().extend(text);
    Declaration::Secret(secret(&object))
}

/// Fills in the namespace `default` if an object names none.
fn fill_namespace(metadata: &mut Meta) {
    if metadata.namespace.is_empty() {
        "default".clone_into(&mut metadata.namespace);
    }
}

fn parse<T: DeserializeOwned>(kind: &str, mut manifest: Value) -> Result<T, InvalidObject> {
    let name = manifest.pointer("/metadata/name").and_then(Value::as_str);
    let name = name.ok_or(InvalidObject::Missing("metadata.name"))?.to_owned();
    // A status in a file is outdated.
    manifest.as_object_mut().map(|fields| fields.insert("status".to_owned(), json!({})));
    serde_path_to_error::deserialize(manifest).map_err(|error| InvalidObject::Field {
        kind: kind.to_owned(),
        name,
        path: error.path().to_string(),
        source: error.into_inner(),
    })
}

impl Declaration {
    fn key(&self) -> Key {
        match self {
            Self::Certificate(object) => object.key(),
            Self::Ingress(facts) => facts.metadata.key(),
            Self::Issuer(object) => object.key(),
            Self::Secret(object) => object.key(),
        }
    }

    /// Returns the object, if it is of a kind that only certificates are made of.
    pub(super) fn subject(&self) -> Option<Subject> {
        let kind = match self {
            Self::Certificate(_) => planner::Kind::Certificate,
            Self::Issuer(_) => planner::Kind::Issuer,
            Self::Ingress(_) | Self::Secret(_) => return None,
        };
        Some(subject(kind, &self.key()))
    }

    /// True if both are about the same object.
    pub(super) fn is_same_object(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other) && self.key() == other.key()
    }
}

impl Declarations {
    pub(super) fn add(&mut self, declaration: Declaration) {
        let key = declaration.key();
        match declaration {
            Declaration::Certificate(object) => drop(self.certificates.insert(key, *object)),
            Declaration::Ingress(facts) => drop(self.ingresses.insert(key, facts)),
            Declaration::Issuer(object) => drop(self.issuers.insert(key, *object)),
            Declaration::Secret(object) => drop(self.secrets.insert(key, object)),
        }
    }

    /// True if there is anything to issue, or an issuer.
    pub(super) fn asks(&self) -> bool {
        !self.issuers.is_empty() || !self.certificates.is_empty()
    }

    pub(super) fn declared(&self) -> Declared {
        Declared {
            issuers: self.issuers.values().cloned().collect(),
            certificates: self.certificates.values().cloned().collect(),
            secrets: self.secrets.values().cloned().collect(),
            ingresses: self.ingresses.values().cloned().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::manifests::object::{self, Read};

    /// Returns the declaration in a manifest, if it is about certificates.
    fn read(manifest: &Value) -> Result<Option<Declaration>, InvalidObject> {
        if is_own(manifest) {
            return read_own(manifest.clone()).map(Some);
        }
        let all = object::read(manifest.clone())?.into_iter();
        Ok(all.filter_map(|one| if let Read::Declaration(found) = one { Some(found) } else { None }).next())
    }

    fn certificate(names: &Value) -> Value {
        json!({
            "apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": { "name": "site" },
            "spec": { "secretName": "site", "issuerRef": { "name": "le", "kind": "ClusterIssuer" }, "dnsNames": names },
            "status": { "revision": 7 },
        })
    }

    #[test]
    fn what_an_api_server_would_fill_in_is_filled_in() {
        let mut declarations = Declarations::default();
        let manifests = [
            certificate(&json!(["a.test"])),
            json!({ "apiVersion": "cert-manager.io/v1", "kind": "ClusterIssuer", "metadata": { "name": "le", "namespace": "x" },
                "spec": { "acme": { "server": "https://ca.test", "privateKeySecretRef": { "name": "le" } } } }),
            json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "eab" }, "stringData": { "secret": "abc" } }),
            json!({ "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {
                "name": "shim", "annotations": { "cert-manager.io/cluster-issuer": "le" } }, "spec": {} }),
        ];
        assert!(!declarations.asks());
        for manifest in &manifests {
            declarations.add(read(manifest).unwrap().unwrap());
        }
        assert!(declarations.asks());
        let declared = declarations.declared();
        assert_eq!(declared.certificates.first().unwrap().key(), Key::new("default", "site"));
        assert_eq!(declared.certificates.first().unwrap().status.revision, None, "what a file says of the past is old");
        assert_eq!(declared.issuers.first().unwrap().key(), Key::new("", "le"));
        assert_eq!(declared.secrets.first().unwrap().entry("secret"), Some("abc".as_bytes()));
        assert_eq!(declared.ingresses.first().unwrap().metadata.key(), Key::new("default", "shim"));
    }

    #[test]
    fn the_last_definition_counts() {
        let mut declarations = Declarations::default();
        for names in [json!(["a.test"]), json!(["b.test"])] {
            declarations.add(read(&certificate(&names)).unwrap().unwrap());
        }
        let declared = declarations.declared();
        assert_eq!(declared.certificates.len(), 1);
        assert_eq!(declared.certificates.first().unwrap().spec.dns_names, ["b.test"]);
    }

    #[test]
    fn a_wrong_field_is_named_and_other_kinds_are_left() {
        let error = read(&certificate(&json!("a.test"))).unwrap_err().to_string();
        assert!(error.contains("Certificate site: spec.dnsNames"), "{error}");
        assert!(read(&json!({ "apiVersion": "cert-manager.io/v1", "kind": "Certificate" })).is_err());
        assert!(
            read(&json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "x" } })).unwrap().is_none()
        );
        // An Ingress that asks for nothing.
        let plain = json!({ "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": { "name": "x" } });
        assert!(read(&plain).unwrap().is_none());
    }
}
