//! The key of an issuer's account: its Secret, and a check that it can sign here.
//!
//! The protocol library signs with P-256 keys only. cert-manager's accounts have RSA keys: their Secret is left
//! unchanged, so that going back stays possible, and a second Secret beside it holds our own key.

use crate::names::{ACCOUNT_KEY_SUFFIX, PART_OF};
use crate::objects::{Algorithm, Encoding, Issuer, IssuerRef, Key, Meta, PrivateKeySpec, Secret};
use crate::view::{Settings, View};
use crate::x509::key::{PrivateKey, PrivateKeyError};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The account key of an issuer, as far as it is known.
#[derive(Clone, Debug)]
pub enum AccountKey {
    /// A key that can sign.
    Usable {
        /// The key.
        key: Arc<PrivateKey>,
        /// A note for the operator on the Secret that holds it.
        note: Option<String>,
    },
    /// No key yet: it is to be written to this Secret.
    Missing {
        /// The Secret.
        secret: Key,
        /// The Secret's entry.
        entry: String,
        /// A usable key found elsewhere, to be copied.
        copy: Option<Arc<PrivateKey>>,
    },
    /// An entry that is not a private key, or an issuer without ACME. The text says which.
    Broken(String),
}

/// Returns the places of all Secrets that an issuer may read.
pub fn secrets<'a>(key: &'a Key, issuer: &'a Issuer, settings: &'a Settings) -> impl Iterator<Item = Key> + 'a {
    let namespace = settings.issuer_namespace(key);
    let ca = issuer.spec.ca.iter().map(move |ca| Key::new(namespace, ca.secret_name.clone()));
    let of_account = issuer.spec.acme.iter().flat_map(move |acme| {
        let account = &acme.private_key_secret_ref.name;
        let own = [account.clone(), format!("{account}{ACCOUNT_KEY_SUFFIX}")].into_iter();
        let binding = acme.external_account_binding.as_ref().map(|binding| binding.key_secret_ref.name.clone());
        let here = own.chain(binding).map(move |name| Key::new(namespace, name));
        let elsewhere = settings.fallback_namespaces.iter().filter(|_| key.namespace.is_empty());
        here.chain(elsewhere.map(|namespace| Key::new(namespace.clone(), account.clone())))
    });
    ca.chain(of_account)
}

/// Looks up the account key of an issuer.
#[must_use]
pub fn account_key(view: &View, settings: &Settings, issuer: &Issuer) -> AccountKey {
    let Some(acme) = &issuer.spec.acme else {
        return AccountKey::Broken("the issuer has no ACME account".to_owned());
    };
    let reference = &acme.private_key_secret_ref;
    let entry = reference.key_or("tls.key");
    let key = issuer.key();
    let own = Key::new(settings.issuer_namespace(&key), reference.name.clone());
    let mut candidates = vec![own.clone()];
    if key.namespace.is_empty() {
        candidates.extend(settings.fallback_namespaces.iter().map(|ns| Key::new(ns.clone(), reference.name.clone())));
    }
    let Some((place, secret)) = candidates.into_iter().find_map(|place| view.secrets.get(&place).map(|s| (place, s)))
    else {
        return AccountKey::Missing { secret: own, entry: entry.to_owned(), copy: None };
    };
    match read(secret, entry) {
        Ok(found) if signs(&found) && place == own => AccountKey::Usable { key: found, note: None },
        Ok(found) if signs(&found) => AccountKey::Missing { secret: own, entry: entry.to_owned(), copy: Some(found) },
        Ok(_) => sibling(view, &own, &place),
        Err(error) => AccountKey::Broken(format!("Secret {place}, entry {entry}: {error}")),
    }
}

fn sibling(view: &View, own: &Key, foreign: &Key) -> AccountKey {
    let secret = Key::new(own.namespace.clone(), format!("{}{ACCOUNT_KEY_SUFFIX}", own.name));
    let Some(found) = view.secrets.get(&secret) else {
        return AccountKey::Missing { secret, entry: "tls.key".to_owned(), copy: None };
    };
    match read(found, "tls.key") {
        Ok(key) if signs(&key) => AccountKey::Usable {
            key,
            note: Some(format!(
                "the key in Secret {foreign} is no ECDSA P-256 key and is left untouched; this account's key is in \
                 Secret {secret}"
            )),
        },
        Ok(_) => AccountKey::Broken(format!("Secret {secret} must hold an ECDSA P-256 key")),
        Err(error) => AccountKey::Broken(format!("Secret {secret}: {error}")),
    }
}

fn read(secret: &Secret, entry: &str) -> Result<Arc<PrivateKey>, PrivateKeyError> {
    if entry == "tls.key" {
        return secret.private_key();
    }
    PrivateKey::from_pem(secret.entry(entry).unwrap_or_default()).map(Arc::new)
}

fn signs(key: &PrivateKey) -> bool {
    key.thumbprint().is_some()
}

/// Makes an account key.
///
/// # Errors
/// [`PrivateKeyError::Generation`] if the system has no randomness.
pub fn generate() -> Result<PrivateKey, PrivateKeyError> {
    PrivateKey::generate(&PrivateKeySpec { algorithm: Some(Algorithm::ECDSA), ..PrivateKeySpec::default() })
}

/// The Secret that holds an account key.
#[must_use]
pub fn secret(place: &Key, entry: &str, key: &PrivateKey) -> Secret {
    let mut metadata = Meta::named(place.clone());
    metadata.labels.insert(PART_OF.0.to_owned(), PART_OF.1.to_owned());
    let data = BTreeMap::from([(entry.to_owned(), key.to_pem(Encoding::PKCS8).into_bytes())]);
    Secret::new(metadata, "Opaque", data)
}

/// The thumbprint of the account that `reference` means, seen from `namespace`.
#[must_use]
pub fn thumbprint(view: &View, settings: &Settings, reference: &IssuerRef, namespace: &str) -> Option<String> {
    let issuer = view.issuers.get(&reference.key(namespace))?;
    match account_key(view, settings, issuer) {
        AccountKey::Usable { key, .. } => key.thumbprint(),
        AccountKey::Missing { .. } | AccountKey::Broken(_) => None,
    }
}
