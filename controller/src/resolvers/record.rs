//! Objects of a resolver as Secrets: one for each, so that they need neither cert-manager's definitions nor a cluster
//! without a cert-manager, which would take Certificates and Orders for its own.
//!
//! Key pairs are Secrets as they are. The others are in Secrets of the type [`TYPE`], named by kind and name: labels and
//! annotations are the object's, its spec and status are in an entry. Owners are named by their Secrets, so that the
//! cluster's garbage collection works.

use flow_acme::names::{PART_OF, RESOLVER, label_value, own_object_name};
use flow_acme::objects::{ACME_GROUP, GROUP, Meta, Object as Thing, Owner, Secret, VERSION};
use flow_acme::planner::{Kind, Object};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The type of Secrets that hold an object.
pub(super) const TYPE: &str = "flow-proxy.ominis.ai/state";
/// The entry that holds it.
const ENTRY: &str = "object";

/// The kinds, as the names of their Secrets begin: word, name of the kind, group.
const KINDS: [Row; 5] = [
    (Kind::Certificate, "certificate", "Certificate", GROUP),
    (Kind::CertificateRequest, "certificaterequest", "CertificateRequest", GROUP),
    (Kind::Challenge, "challenge", "Challenge", ACME_GROUP),
    (Kind::Issuer, "issuer", "ClusterIssuer", GROUP),
    (Kind::Order, "order", "Order", ACME_GROUP),
];

/// What is in the entry.
#[derive(Deserialize, Serialize)]
#[serde(bound(deserialize = "S: Deserialize<'de>, T: Deserialize<'de> + Default"))]
struct Content<S, T> {
    generation: i64,
    /// The object's own name, where that of the Secret is another.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name: String,
    spec: S,
    #[serde(default)]
    status: T,
}

/// Returns the Secret of an object, in `namespace`. `owned_by` is the name of the resolver, if the object does not tell.
pub(super) fn secret(object: &Object, namespace: &str, owned_by: &str) -> Result<Secret, serde_json::Error> {
    let (resolver, content) = match object {
        Object::Certificate(o) => (o.spec.issuer_ref.name.as_str(), content(o)?),
        Object::CertificateRequest(o) => (o.spec.issuer_ref.name.as_str(), content(o)?),
        Object::Challenge(o) => (o.spec.issuer_ref.name.as_str(), content(o)?),
        Object::Issuer(o) => (o.metadata.name.as_str(), content(o)?),
        Object::Order(o) => (o.spec.issuer_ref.name.as_str(), content(o)?),
        Object::Secret(secret) => {
            let mut secret = Secret::clone(secret);
            label(&mut secret.metadata, owned_by);
            secret.metadata.owner_references = outward(&secret.metadata.owner_references);
            return Ok(secret);
        }
    };
    let mut metadata = object.metadata().clone();
    label(&mut metadata, resolver);
    metadata.namespace = namespace.to_owned();
    metadata.name = place(object.kind(), &object.metadata().name);
    metadata.owner_references = outward(&metadata.owner_references);
    metadata.generation = 0;
    Ok(Secret::new(metadata, TYPE, BTreeMap::from([(ENTRY.to_owned(), content)])))
}

fn content<S: Serialize, T: Serialize>(object: &Thing<S, T>) -> Result<Vec<u8>, serde_json::Error> {
    let (generation, name) = (object.metadata.generation, object.metadata.name.clone());
    serde_json::to_vec(&Content { generation, name, spec: &object.spec, status: &object.status })
}

fn label(metadata: &mut Meta, resolver: &str) {
    metadata.labels.insert(RESOLVER.to_owned(), label_value(resolver));
    metadata.labels.insert(PART_OF.0.to_owned(), PART_OF.1.to_owned());
}

/// Returns the name of an object's Secret.
pub(super) fn place(kind: Kind, name: &str) -> String {
    match KINDS.iter().find(|(known, ..)| *known == kind) {
        // A resolver may have any name.
        Some((Kind::Issuer, word, ..)) => format!("{word}.{}", own_object_name(name)),
        Some((_, word, ..)) => format!("{word}.{name}"),
        None => name.to_owned(),
    }
}

/// The owners as Secrets.
fn outward(owners: &[Owner]) -> Vec<Owner> {
    let secret = |owner: &Owner| match KINDS.iter().find(|(_, _, kind, _)| *kind == owner.kind) {
        Some((kind, ..)) => Owner {
            api_version: "v1".to_owned(),
            kind: "Secret".to_owned(),
            name: place(*kind, &owner.name),
            ..owner.clone()
        },
        None => owner.clone(),
    };
    owners.iter().map(secret).collect()
}

/// The owners as the objects that their Secrets hold.
fn inward(owners: &[Owner]) -> Vec<Owner> {
    let object = |owner: &Owner| match row_of(&owner.name) {
        Some(((_, _, kind, group), name)) if owner.kind == "Secret" => Owner {
            api_version: format!("{group}/{VERSION}"),
            kind: (*kind).to_owned(),
            name: name.to_owned(),
            ..owner.clone()
        },
        _ => owner.clone(),
    };
    owners.iter().map(object).collect()
}

type Row = (Kind, &'static str, &'static str, &'static str);

/// The row of the kind that the name of a Secret begins with, and the rest of the name.
fn row_of(secret: &str) -> Option<(&'static Row, &str)> {
    let (word, name) = secret.split_once('.')?;
    KINDS.iter().find(|(_, known, ..)| *known == word).map(|row| (row, name))
}

/// Returns the kind and the name of the object in the Secret of that name, if it holds one.
pub(super) fn word_of(secret: &str) -> Option<(Kind, &str)> {
    row_of(secret).map(|((kind, ..), name)| (*kind, name))
}

/// Returns the object in a Secret; `None` if its entry cannot be read, which only somebody else's write does.
pub(super) fn object(mut secret: Secret) -> Option<Object> {
    secret.metadata.owner_references = inward(&secret.metadata.owner_references);
    if secret.kind != TYPE {
        return Some(secret.into());
    }
    match word_of(&secret.metadata.name).map_or(Kind::Secret, |(kind, _)| kind) {
        Kind::Certificate => read(&secret).map(|o: flow_acme::objects::Certificate| o.into()),
        Kind::CertificateRequest => read(&secret).map(|o: flow_acme::objects::CertificateRequest| o.into()),
        Kind::Challenge => read(&secret).map(|o: flow_acme::objects::Challenge| o.into()),
        Kind::Issuer => read(&secret).map(|mut o: flow_acme::objects::Issuer| {
            o.metadata.namespace = String::new();
            o.into()
        }),
        Kind::Order => read(&secret).map(|o: flow_acme::objects::Order| o.into()),
        Kind::Ingress | Kind::Secret => None,
    }
}

fn read<S: DeserializeOwned, T: DeserializeOwned + Default>(secret: &Secret) -> Option<Thing<S, T>> {
    match serde_json::from_slice::<Content<S, T>>(secret.entry(ENTRY).unwrap_or_default()) {
        Ok(Content { generation, name, spec, status }) => {
            let metadata = Meta { name, generation, ..secret.metadata.clone() };
            Some(Thing { metadata, spec, status })
        }
        Err(error) => {
            tracing::warn!(secret = %secret.key(), %error, "the state of a certificate resolver cannot be read and is left alone");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use flow_acme::http01::Method;
    use flow_acme::objects::Key;
    use flow_acme::resolvers::{Place, Resolver, Wanted, declare};

    fn round(object: &Object) -> Object {
        super::object(secret(object, "flow-system", "").unwrap()).unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        let place = Place::cluster("flow-system");
        let resolver = Resolver::new("letsEncrypt_1", Method::Http01);
        let wanted = Wanted { resolver: resolver.name.clone(), main: "*.a.example".to_owned(), sans: Vec::new() };
        let declared = declare(&place, &[resolver], &[wanted]);
        let issuer = Object::from(declared.issuers[0].clone());
        assert_eq!(round(&issuer), issuer);
        let mut certificate = declared.certificates[0].clone();
        certificate.metadata.generation = 3;
        certificate.metadata.annotations.insert("a".to_owned(), "b".to_owned());
        let owner = Owner::controller("cert-manager.io/v1", "Certificate", &certificate.metadata);
        certificate.metadata.owner_references = vec![owner];
        let certificate = Object::from(certificate);
        let written = secret(&certificate, "flow-system", "").unwrap();
        assert_eq!(written.metadata.owner_references[0].kind, "Secret");
        assert_eq!(written.metadata.owner_references[0].name, written.metadata.name);
        assert!(written.metadata.name.starts_with("certificate.resolver-wildcard-a-example-"));
        assert_eq!(written.metadata.labels[RESOLVER], "letsEncrypt_1");
        assert_eq!(round(&certificate), certificate);
    }

    #[test]
    fn a_broken_entry_is_left_alone() {
        let metadata = Meta::named(Key::new("flow-system", "order.x"));
        let broken = Secret::new(metadata, TYPE, BTreeMap::from([(ENTRY.to_owned(), b"{".to_vec())]));
        assert_eq!(object(broken), None);
    }
}
