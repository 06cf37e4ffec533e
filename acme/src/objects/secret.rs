use super::{HasMeta, Key, Meta};
use crate::x509::authority::{Authority, AuthorityError};
use crate::x509::key::{KeyFacts, PrivateKey, PrivateKeyError};
use crate::x509::{Leaf, LeafError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// Entry of the chain.
pub(crate) const TLS_CRT: &str = "tls.crt";
/// Entry of the private key.
pub(crate) const TLS_KEY: &str = "tls.key";

/// Entry of the topmost certificate of the CA.
pub(crate) const CA_CRT: &str = "ca.crt";

/// A Secret. Its certificate and its key are parsed once, at the first use.
#[derive(Clone, Default, Deserialize, Serialize)]
pub struct Secret {
    /// Name, labels, annotations.
    pub metadata: Meta,
    /// Type: `kubernetes.io/tls`, `Opaque`…
    #[serde(rename = "type", default)]
    pub kind: String,
    /// The entries, decoded.
    #[serde(default, serialize_with = "encode", deserialize_with = "decode")]
    pub data: BTreeMap<String, Vec<u8>>,
    #[serde(skip)]
    parsed: Arc<Parsed>,
}

#[derive(Default)]
struct Parsed {
    leaf: OnceLock<Result<Arc<Leaf>, LeafError>>,
    key: OnceLock<Result<Arc<PrivateKey>, PrivateKeyError>>,
    facts: OnceLock<Result<Arc<KeyFacts>, PrivateKeyError>>,
    authority: OnceLock<Result<Arc<Authority>, AuthorityError>>,
}

impl Secret {
    /// Returns a Secret with these entries.
    #[must_use]
    pub fn new(metadata: Meta, kind: impl Into<String>, data: BTreeMap<String, Vec<u8>>) -> Self {
        Self { metadata, kind: kind.into(), data, parsed: Arc::default() }
    }

    /// Namespace and name.
    #[must_use]
    pub fn key(&self) -> Key {
        self.metadata.key()
    }

    /// Returns an entry, if it is not empty.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<&[u8]> {
        self.data.get(name).map(Vec::as_slice).filter(|value| !value.is_empty())
    }

    /// Returns the certificate in `tls.crt`.
    ///
    /// # Errors
    /// [`LeafError`] if there is none or it cannot be parsed.
    pub fn leaf(&self) -> Result<Arc<Leaf>, LeafError> {
        let pem = self.entry(TLS_CRT).unwrap_or_default();
        self.parsed.leaf.get_or_init(|| Leaf::from_pem(pem).map(Arc::new)).clone()
    }

    /// Returns the key in `tls.key`.
    ///
    /// # Errors
    /// [`PrivateKeyError`] if there is none or it cannot be parsed.
    pub fn private_key(&self) -> Result<Arc<PrivateKey>, PrivateKeyError> {
        let pem = self.entry(TLS_KEY).unwrap_or_default();
        self.parsed.key.get_or_init(|| PrivateKey::from_pem(pem).map(Arc::new)).clone()
    }

    /// Returns what is known of the key in `tls.key`. Unlike the key it takes little memory.
    ///
    /// # Errors
    /// [`PrivateKeyError`] if there is none or it cannot be parsed.
    pub fn key_facts(&self) -> Result<Arc<KeyFacts>, PrivateKeyError> {
        let pem = self.entry(TLS_KEY).unwrap_or_default();
        self.parsed.facts.get_or_init(|| PrivateKey::from_pem(pem).map(|key| Arc::new(key.facts()))).clone()
    }

    /// Returns the CA in `tls.crt` with the certificates above it there and in `ca.crt`; `key` is that of `tls.key`.
    /// It may have expired.
    ///
    /// # Errors
    /// [`AuthorityError`] if it cannot sign.
    pub fn authority(&self, key: Arc<PrivateKey>) -> Result<Arc<Authority>, AuthorityError> {
        let entry = |name| self.entry(name).unwrap_or_default();
        let read = || Authority::read(entry(TLS_CRT), entry(CA_CRT), key).map(Arc::new);
        self.parsed.authority.get_or_init(read).clone()
    }
}

impl HasMeta for Secret {
    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.metadata == other.metadata && self.kind == other.kind && self.data == other.data
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret")
            .field("metadata", &self.metadata)
            .field("kind", &self.kind)
            .field("data", &self.data.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

fn encode<S: Serializer>(data: &BTreeMap<String, Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(data.iter().map(|(name, value)| (name, STANDARD.encode(value))))
}

fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Vec<u8>>, D::Error> {
    let text = BTreeMap::<String, String>::deserialize(deserializer)?;
    text.into_iter()
        .map(|(name, value)| STANDARD.decode(value).map(|v| (name, v)).map_err(serde::de::Error::custom))
        .collect()
}
