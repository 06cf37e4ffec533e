use super::{Method, is_genuine, is_token};
use crate::account;
use crate::objects::{Algorithm, ConditionStatus, IssuerRef, PrivateKeySpec, State, condition};
use crate::view::{Settings, View};
use crate::x509::key::PrivateKey;
use crate::x509::temporary;
use arc_swap::ArcSwap;
use flow_model::challenge::ChallengeLookup;
use jiff::Timestamp;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// The responses of this replica to the CA's challenges. One writer, many readers, no lock.
#[derive(Default)]
pub struct ChallengeTable {
    entries: ArcSwap<Entries>,
}

#[derive(Default)]
struct Entries {
    /// Host → token → key authorization.
    http: HashMap<String, HashMap<String, Arc<str>>>,
    /// Name → key authorization and the certificate for it.
    tls: HashMap<String, (Arc<str>, Arc<CertifiedKey>)>,
    /// Host → thumbprint, for hosts whose certificate is being issued: the CA may ask for a token that our cache has
    /// not seen yet.
    thumbprints: HashMap<String, Arc<str>>,
}

impl ChallengeTable {
    /// An empty table.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Replaces the content with that of the view. Called on every replica for each change.
    pub fn publish(&self, view: &View, settings: &Settings, now: Timestamp) {
        let old = self.entries.load();
        let mut entries = Entries::default();
        for challenge in view.challenges.values() {
            if challenge.status.state.is_failure() || !is_genuine(view, settings, challenge) {
                continue;
            }
            let host = challenge.spec.dns_name.to_ascii_lowercase();
            let key: Arc<str> = challenge.spec.key.as_str().into();
            match Method::of(challenge) {
                Some(Method::Http01) => {
                    entries.http.entry(host).or_default().insert(challenge.spec.token.clone(), key);
                }
                Some(Method::TlsAlpn01) if challenge.status.state != State::Valid => {
                    let kept = old.tls.get(&host).filter(|(present, _)| *present == key).cloned();
                    if let Some(entry) = kept.or_else(|| Some((key.clone(), certified(&host, &key, now)?))) {
                        entries.tls.insert(host, entry);
                    }
                }
                Some(Method::TlsAlpn01) | None => {}
            }
        }
        entries.thumbprints = thumbprints(view, settings);
        self.entries.store(Arc::new(entries));
    }

    /// The certificate for a handshake that offers exactly `acme-tls/1`.
    #[must_use]
    pub fn certificate(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        let entries = self.entries.load();
        entries.tls.get(name).map(|(_, certificate)| Arc::clone(certificate))
    }
}

impl ChallengeLookup for ChallengeTable {
    fn response(&self, host: &str, token: &str) -> Option<Arc<str>> {
        if !is_token(token) {
            return None;
        }
        let entries = self.entries.load();
        if let Some(key) = entries.http.get(host).and_then(|tokens| tokens.get(token)) {
            return Some(Arc::clone(key));
        }
        let thumbprint = entries.thumbprints.get(host)?;
        Some(format!("{token}.{thumbprint}").into())
    }
}

impl fmt::Debug for ChallengeTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.entries.load();
        f.debug_struct("ChallengeTable")
            .field("http", &entries.http.len())
            .field("tls", &entries.tls.len())
            .finish_non_exhaustive()
    }
}

/// Thumbprints for the names of Certificates with `Issuing=True`, if all their issuers use the same account.
fn thumbprints(view: &View, settings: &Settings) -> HashMap<String, Arc<str>> {
    let mut known: HashMap<(&str, &IssuerRef), Option<Arc<str>>> = HashMap::new();
    let mut hosts: HashMap<String, Option<Arc<str>>> = HashMap::new();
    for certificate in view.certificates.values() {
        let issuing = condition(&certificate.status.conditions, "Issuing");
        if issuing.is_none_or(|c| c.status != ConditionStatus::True) {
            continue;
        }
        let namespace = certificate.metadata.namespace.as_str();
        let reference = &certificate.spec.issuer_ref;
        let thumbprint = known
            .entry((namespace, reference))
            .or_insert_with(|| account::thumbprint(view, settings, reference, namespace).map(Arc::from))
            .clone();
        for name in certificate.spec.dns_names.iter().chain(&certificate.spec.ip_addresses) {
            let entry = hosts.entry(name.to_ascii_lowercase()).or_insert_with(|| thumbprint.clone());
            if *entry != thumbprint {
                *entry = None;
            }
        }
    }
    hosts.into_iter().filter_map(|(host, thumbprint)| Some((host, thumbprint?))).collect()
}

fn certified(name: &str, key_authorization: &str, now: Timestamp) -> Option<Arc<CertifiedKey>> {
    let spec = PrivateKeySpec { algorithm: Some(Algorithm::ECDSA), ..PrivateKeySpec::default() };
    let key = PrivateKey::generate(&spec).ok()?;
    let certificate = temporary::challenge(name, key_authorization, &key, now).ok()?;
    let signer = any_supported_type(&PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.pkcs8().to_vec()))).ok()?;
    Some(Arc::new(CertifiedKey::new(vec![CertificateDer::from(certificate)], signer)))
}
