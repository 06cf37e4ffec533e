//! Traefik's `acme.json`, read once: accounts and certificates move over, and no order is placed for them.

use super::{NAMESPACE, account_secret, certificate_name, reference};
use crate::names::{CERTIFICATE_NAME, FAO, ISSUER_GROUP, ISSUER_KIND, ISSUER_NAME};
use crate::objects::{Key, Meta, Secret};
use crate::x509::Leaf;
use crate::x509::key::{PrivateKey, pem_block};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AcmeJsonError {
    /// It is no such file.
    #[error("this is not Traefik's acme.json")]
    Syntax(#[from] serde_json::Error),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Stored {
    account: Option<Account>,
    certificates: Option<Vec<StoredCertificate>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[derive(Default)]
struct Account {
    private_key: String,
}

#[derive(Deserialize)]
struct StoredCertificate {
    domain: StoredDomain,
    certificate: String,
    key: String,
}

#[derive(Deserialize)]
struct StoredDomain {
    main: String,
    #[serde(default)]
    sans: Option<Vec<String>>,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Imported {
    /// For [`crate::store::folder::FolderStore::import`].
    pub secrets: Vec<Secret>,
    /// Entries that cannot be used, and why.
    pub passed_over: Vec<String>,
}

/// Reads the file. An entry that is broken is passed over; the others are taken.
///
/// # Errors
/// The file as a whole is something else.
pub fn import(json: &[u8]) -> Result<Imported, AcmeJsonError> {
    let file: BTreeMap<String, Option<Stored>> = serde_json::from_slice(json)?;
    let mut imported = Imported::default();
    for (resolver, stored) in file {
        let Some(stored) = stored else { continue };
        if let Some(account) = stored.account.filter(|account| !account.private_key.is_empty()) {
            match account_key(&resolver, &account.private_key) {
                Ok(secret) => imported.secrets.push(secret),
                Err(why) => imported.passed_over.push(format!("account of {resolver}: {why}")),
            }
        }
        for entry in stored.certificates.unwrap_or_default() {
            match certificate(&resolver, &entry) {
                Ok(secret) => imported.secrets.push(secret),
                Err(why) => imported.passed_over.push(format!("{} of {resolver}: {why}", entry.domain.main)),
            }
        }
    }
    Ok(imported)
}

/// Traefik's accounts have RSA keys (PKCS#1 as DER): kept, though another key signs here.
fn account_key(resolver: &str, key: &str) -> Result<Secret, String> {
    let der = STANDARD.decode(key).map_err(|error| error.to_string())?;
    let pem = pem_block("RSA PRIVATE KEY", &der);
    PrivateKey::from_pem(pem.as_bytes()).map_err(|error| error.to_string())?;
    let metadata = Meta::named(Key::new(NAMESPACE, account_secret(resolver)));
    Ok(Secret::new(metadata, "Opaque", BTreeMap::from([("tls.key".to_owned(), pem.into_bytes())])))
}

fn certificate(resolver: &str, entry: &StoredCertificate) -> Result<Secret, String> {
    let chain = STANDARD.decode(&entry.certificate).map_err(|error| error.to_string())?;
    let key = STANDARD.decode(&entry.key).map_err(|error| error.to_string())?;
    let leaf = Leaf::from_pem(&chain).map_err(|error| error.to_string())?;
    let pair = PrivateKey::from_pem(&key).map_err(|error| error.to_string())?;
    if pair.public_key() != leaf.public_key {
        return Err("the key does not belong to the certificate".to_owned());
    }
    let mut names = vec![entry.domain.main.to_ascii_lowercase()];
    names.extend(entry.domain.sans.iter().flatten().map(|name| name.to_ascii_lowercase()));
    let name = certificate_name(resolver, &names);
    let issuer = reference(resolver);
    let mut metadata = Meta::named(Key::new(NAMESPACE, name.clone()));
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
    Ok(Secret::new(metadata, "kubernetes.io/tls", data))
}
