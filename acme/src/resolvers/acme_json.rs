//! Import of Traefik's `acme.json`: its accounts and certificates are taken over, so that no new orders are needed.

use super::Place;
use super::taken::{account as account_secret, taken};
use crate::objects::Secret;
use crate::x509::Leaf;
use crate::x509::key::{PrivateKey, pem_block};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

/// The reason for which the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AcmeJsonError {
    /// It is not JSON.
    #[error("this is no JSON")]
    Syntax(#[from] serde_json::Error),
    /// It is JSON of another form.
    #[error("this is not Traefik's acme.json: it has no resolver with an Account or Certificates")]
    Form,
    /// The form of Traefik 1, which had one resolver without a name.
    #[error("this is the acme.json of Traefik 1, which names no resolver")]
    Version1,
}

#[derive(Deserialize)]
struct StoredCertificate {
    #[serde(default)]
    domain: Option<StoredDomain>,
    #[serde(default)]
    certificate: Option<String>,
    #[serde(default)]
    key: Option<String>,
}

#[derive(Deserialize)]
struct StoredDomain {
    #[serde(default)]
    main: Option<String>,
    #[serde(default)]
    sans: Option<Vec<String>>,
}

/// The content of the file.
#[derive(Debug, Default)]
pub struct Imported {
    /// Secrets for [`crate::store::folder::FolderStore::import`].
    pub secrets: Vec<Secret>,
    /// Unusable entries, each with the reason.
    pub passed_over: Vec<String>,
}

/// Reads the file. Broken entries are skipped, the others are taken.
///
/// # Errors
/// [`AcmeJsonError`] if the file as a whole cannot be used.
pub fn import(place: &Place, json: &[u8]) -> Result<Imported, AcmeJsonError> {
    let mut imported = Imported::default();
    if json.trim_ascii().is_empty() {
        return Ok(imported);
    }
    let Value::Object(file) = serde_json::from_slice(json)? else { return Err(AcmeJsonError::Form) };
    let stored = |value: &Value| value.get("Account").is_some() || value.get("Certificates").is_some();
    if file.contains_key("Account") || file.contains_key("Certificates") {
        return Err(AcmeJsonError::Version1);
    }
    if file.values().any(|value| !value.is_null()) && !file.values().any(stored) {
        return Err(AcmeJsonError::Form);
    }
    for (resolver, mut value) in file {
        if value.is_null() {
            continue;
        }
        if !stored(&value) {
            imported.passed_over.push(format!("{resolver}: it has neither Account nor Certificates"));
            continue;
        }
        let mut part = |name: &str| value.get_mut(name).map(Value::take).unwrap_or_default();
        let (account, certificates) = (part("Account"), part("Certificates"));
        match account_key(place, &resolver, &account) {
            Ok(secret) => imported.secrets.push(secret),
            Err(why) => imported.passed_over.push(format!("account of {resolver}: {why}: another one is registered")),
        }
        let entries = match certificates {
            Value::Array(entries) => entries,
            Value::Null => continue,
            _ => {
                imported.passed_over.push(format!("Certificates of {resolver}: this is no list"));
                continue;
            }
        };
        for (at, entry) in entries.into_iter().enumerate() {
            let main = entry.pointer("/domain/main").and_then(Value::as_str).filter(|main| !main.is_empty());
            let name = main.map_or_else(|| format!("certificate {at}"), str::to_owned);
            match certificate(place, &resolver, entry) {
                Ok(secret) => imported.secrets.push(secret),
                Err(why) => imported.passed_over.push(format!("{name} of {resolver}: {why}")),
            }
        }
    }
    Ok(imported)
}

/// Returns the Secret of an account. Traefik's accounts have RSA keys (PKCS#1 as DER): kept, though another key signs
/// here.
fn account_key(place: &Place, resolver: &str, account: &Value) -> Result<Secret, String> {
    let key = account.get("PrivateKey").and_then(Value::as_str).filter(|key| !key.is_empty());
    let der = STANDARD.decode(key.ok_or("there is no private key")?).map_err(|error| error.to_string())?;
    let pem = pem_block("RSA PRIVATE KEY", &der);
    PrivateKey::from_pem(pem.as_bytes()).map_err(|error| error.to_string())?;
    Ok(account_secret(place, resolver, "", pem.into_bytes()))
}

fn certificate(place: &Place, resolver: &str, entry: Value) -> Result<Secret, String> {
    if entry.is_null() {
        return Err("the entry is empty".to_owned());
    }
    let entry: StoredCertificate = serde_json::from_value(entry).map_err(|error| error.to_string())?;
    let decode = |text: Option<String>, what: &str| {
        let text = text.filter(|text| !text.is_empty()).ok_or_else(|| format!("it has no {what}"))?;
        STANDARD.decode(text).map_err(|error| format!("{what}: {error}"))
    };
    let chain = decode(entry.certificate, "certificate")?;
    let key = decode(entry.key, "key")?;
    let leaf = Leaf::from_pem(&chain).map_err(|error| error.to_string())?;
    let pair = PrivateKey::from_pem(&key).map_err(|error| error.to_string())?;
    if pair.public_key() != leaf.public_key {
        return Err("the key does not belong to the certificate".to_owned());
    }
    let domain = entry.domain.into_iter();
    let domain = domain.flat_map(|domain| domain.main.into_iter().chain(domain.sans.unwrap_or_default()));
    let mut names: Vec<String> = domain.filter(|name| !name.is_empty()).collect();
    if names.is_empty() {
        names.extend(leaf.dns_names.iter().chain(&leaf.ip_addresses).cloned());
    }
    names.iter_mut().for_each(|name| name.make_ascii_lowercase());
    Ok(taken(place, resolver, &names, chain, key))
}
