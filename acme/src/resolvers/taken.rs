//! Secrets that are taken over from an earlier state.

use super::{Place, reference};
use crate::names::{ACCOUNT_KEY_SUFFIX, CERTIFICATE_NAME, FAO, ISSUER_GROUP, ISSUER_KIND, ISSUER_NAME};
use crate::objects::{Key, Meta, Secret};
use crate::view::View;
use std::collections::BTreeMap;

/// Returns the Secret of a certificate that a resolver had issued for these names.
pub(super) fn taken(place: &Place, resolver: &str, names: &[String], chain: Vec<u8>, key: Vec<u8>) -> Secret {
    let name = place.certificate_name(resolver, names);
    let issuer = reference(resolver);
    let mut metadata =
        Meta { labels: place.labels(resolver), ..Meta::named(Key::new(place.namespace(), name.clone())) };
    metadata.labels.insert(FAO.to_owned(), "true".to_owned());
    for (annotation, value) in [
        (CERTIFICATE_NAME, name.as_str()),
        (ISSUER_NAME, issuer.name.as_str()),
        (ISSUER_KIND, issuer.kind()),
        (ISSUER_GROUP, issuer.group()),
    ] {
        metadata.annotations.insert(annotation.to_owned(), value.to_owned());
    }
    let data = BTreeMap::from([("tls.crt".to_owned(), chain), ("tls.key".to_owned(), key)]);
    Secret::new(metadata, "kubernetes.io/tls", data)
}

/// Returns the Secret of an account's key, in PEM.
pub(super) fn account(place: &Place, resolver: &str, suffix: &str, key: Vec<u8>) -> Secret {
    let name = format!("{}{suffix}", place.account_secret(resolver));
    let metadata = Meta { labels: place.labels(resolver), ..Meta::named(Key::new(place.namespace(), name)) };
    Secret::new(metadata, "Opaque", BTreeMap::from([("tls.key".to_owned(), key)]))
}

/// Returns the accounts and certificates of one place as those of another.
#[must_use]
pub fn moved(view: &View, from: &Place, to: &Place) -> Vec<Secret> {
    let entry = |secret: &Secret, name: &str| secret.entry(name).map(<[u8]>::to_vec);
    let mut found = Vec::new();
    for issuer in view.issuers.values() {
        let resolver = issuer.metadata.name.as_str();
        for suffix in ["", ACCOUNT_KEY_SUFFIX] {
            let place = Key::new(from.namespace(), format!("{}{suffix}", from.account_secret(resolver)));
            let key = view.secrets.get(&place).and_then(|secret| entry(secret, "tls.key"));
            found.extend(key.map(|key| account(to, resolver, suffix, key)));
        }
    }
    for certificate in view.certificates.values() {
        let spec = &certificate.spec;
        let names: Vec<String> = spec.dns_names.iter().chain(&spec.ip_addresses).cloned().collect();
        let secret = view.secrets.get(&Key::new(from.namespace(), spec.secret_name.clone()));
        let pair = secret.and_then(|secret| Some((entry(secret, "tls.crt")?, entry(secret, "tls.key")?)));
        found.extend(pair.map(|(chain, key)| taken(to, &spec.issuer_ref.name, &names, chain, key)));
    }
    found
}
