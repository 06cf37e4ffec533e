//! The responses to challenges, updated with each change of the view.

use super::{Method, is_genuine};
use crate::account;
use crate::objects::{
    Algorithm, Certificate, Challenge, ConditionStatus, IssuerRef, Key, PrivateKeySpec, State, condition,
};
use crate::view::{Settings, View};
use crate::x509::key::PrivateKey;
use crate::x509::temporary;
use flow_model::persistent_map::PersistentMap;
use jiff::Timestamp;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

/// What is answered. A copy shares what did not change.
#[derive(Clone, Default)]
pub(super) struct Entries {
    /// Host → token → key authorization.
    http: PersistentMap<Box<str>, Arc<BTreeMap<String, Arc<str>>>>,
    /// Name → key authorization and the certificate for it.
    tls: PersistentMap<Box<str>, (Arc<str>, Arc<CertifiedKey>)>,
    /// Host → thumbprint, for hosts whose certificate is being issued: the CA may ask for a token that our cache has
    /// not seen yet.
    thumbprints: PersistentMap<Box<str>, Arc<str>>,
}

impl Entries {
    pub(super) fn response(&self, host: &str, token: &str) -> Option<Arc<str>> {
        if let Some(key) = self.http.get(host).and_then(|tokens| tokens.get(token)) {
            return Some(Arc::clone(key));
        }
        let thumbprint = self.thumbprints.get(host)?;
        Some(format!("{token}.{thumbprint}").into())
    }

    pub(super) fn certificate(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        self.tls.get(name).map(|(_, certificate)| Arc::clone(certificate))
    }
}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entries")
            .field("http", &self.http.len())
            .field("tls", &self.tls.len())
            .field("thumbprints", &self.thumbprints.len())
            .finish()
    }
}

/// The entries, and what they were made from.
#[derive(Default)]
pub(super) struct Responses {
    view: Arc<View>,
    entries: Entries,
    /// The challenges that are answered, with the host and the method of their entry.
    answered: HashMap<Key, (Arc<Challenge>, Method)>,
    /// Host → the Certificates being issued for it, each with the thumbprint of its issuer's account.
    issuing: HashMap<Box<str>, BTreeMap<Key, Option<Arc<str>>>>,
}

impl Responses {
    pub(super) fn entries(&self) -> &Entries {
        &self.entries
    }

    /// Takes the next view. Returns true if the entries may have changed.
    pub(super) fn follow(&mut self, view: &Arc<View>, settings: &Settings, now: Timestamp) -> bool {
        let old = std::mem::replace(&mut self.view, Arc::clone(view));
        if accounts_changed(&old, view, settings) {
            *self = Self { view: Arc::clone(view), ..Self::default() };
            self.all(view, settings, now);
            return true;
        }
        let challenges = self.touched(&old, view);
        let certificates = view.certificates.changed_since(&old.certificates);
        let changed = !challenges.is_empty() || !certificates.is_empty();
        for key in certificates {
            let (old, new) = (old.certificates.get(key), view.certificates.get(key));
            self.certificate(key, old, new, settings);
        }
        for key in challenges {
            self.challenge(&key, settings, now);
        }
        changed
    }

    fn all(&mut self, view: &Arc<View>, settings: &Settings, now: Timestamp) {
        for (key, certificate) in &view.certificates {
            self.certificate(key, None, Some(certificate), settings);
        }
        for key in view.challenges.keys() {
            self.challenge(key, settings, now);
        }
    }

    /// The challenges that changed, or whose order did.
    fn touched(&self, old: &View, view: &View) -> HashSet<Key> {
        let mut touched: HashSet<Key> = view.challenges.changed_since(&old.challenges).into_iter().cloned().collect();
        let orders: HashSet<&Key> = view.orders.changed_since(&old.orders).into_iter().collect();
        if !orders.is_empty() {
            touched.extend(view.challenges.iter().filter_map(|(key, challenge)| {
                let owner = challenge.metadata.controller()?;
                let order = Key::new(key.namespace.clone(), owner.name.clone());
                orders.contains(&order).then(|| key.clone())
            }));
        }
        touched
    }

    fn challenge(&mut self, key: &Key, settings: &Settings, now: Timestamp) {
        if let Some((old, method)) = self.answered.remove(key) {
            self.remove(&old, method);
        }
        let view = Arc::clone(&self.view);
        let Some(challenge) = view.challenges.get(key) else { return };
        if challenge.status.state.is_failure() || !is_genuine(&view, settings, challenge) {
            return;
        }
        let name = host(challenge);
        let text: Arc<str> = challenge.spec.key.as_str().into();
        let Some(method) = Method::of(challenge) else { return };
        match method {
            Method::Http01 => {
                let mut tokens =
                    self.entries.http.get(&*name).map(|tokens| BTreeMap::clone(tokens)).unwrap_or_default();
                tokens.insert(challenge.spec.token.clone(), text);
                self.entries.http.insert(name, Arc::new(tokens));
            }
            Method::TlsAlpn01 if challenge.status.state == State::Valid => {
                self.entries.tls.remove(&*name);
                return;
            }
            Method::DnsPersist01 => return,
            Method::TlsAlpn01 => {
                let kept = self.entries.tls.get(&*name).is_some_and(|(present, _)| *present == text);
                if !kept && let Some(certificate) = certified(&name, &text, now) {
                    self.entries.tls.insert(name, (text, certificate));
                }
            }
        }
        self.answered.insert(key.clone(), (Arc::clone(challenge), method));
    }

    fn remove(&mut self, challenge: &Challenge, method: Method) {
        let name = host(challenge);
        match method {
            Method::Http01 => {
                let Some(tokens) = self.entries.http.get(&*name) else { return };
                let mut tokens = BTreeMap::clone(tokens);
                tokens.remove(&challenge.spec.token);
                if tokens.is_empty() {
                    self.entries.http.remove(&*name);
                } else {
                    self.entries.http.insert(name, Arc::new(tokens));
                }
            }
            Method::DnsPersist01 => {}
            Method::TlsAlpn01 => {
                // Another version of the same challenge needs the same certificate, which costs a key.
                let stays = self.view.challenges.values().any(|other| other.spec.key == challenge.spec.key);
                if !stays {
                    self.entries.tls.remove(&*name);
                }
            }
        }
    }

    /// Follows a Certificate: while it is being issued, its names have the thumbprint of its issuer's account.
    fn certificate(
        &mut self,
        key: &Key,
        old: Option<&Arc<Certificate>>,
        new: Option<&Arc<Certificate>>,
        settings: &Settings,
    ) {
        let before = old.filter(|old| is_issuing(old));
        let after = new.filter(|new| is_issuing(new));
        let names = |certificate: &Certificate| -> HashSet<Box<str>> {
            let names = certificate.spec.dns_names.iter().chain(&certificate.spec.ip_addresses);
            names.map(|name| name.to_ascii_lowercase().into()).collect()
        };
        let mut changed = HashSet::new();
        for name in before.map(|old| names(old)).unwrap_or_default() {
            if let Some(present) = self.issuing.get_mut(&name) {
                present.remove(key);
            }
            changed.insert(name);
        }
        if let Some(new) = after {
            let thumbprint = self.thumbprint(&new.spec.issuer_ref, &key.namespace, settings);
            for name in names(new) {
                self.issuing.entry(name.clone()).or_default().insert(key.clone(), thumbprint.clone());
                changed.insert(name);
            }
        }
        for name in changed {
            self.agree(name);
        }
    }

    fn thumbprint(&self, issuer: &IssuerRef, namespace: &str, settings: &Settings) -> Option<Arc<str>> {
        account::thumbprint(&self.view, settings, issuer, namespace).map(Arc::from)
    }

    /// A host has a thumbprint if all issuers of its Certificates use the same account.
    fn agree(&mut self, name: Box<str>) {
        let mut all = self.issuing.get(&name).into_iter().flat_map(|present| present.values());
        let first = all.next().cloned().flatten();
        let agreed = first.filter(|first| all.all(|other| other.as_ref() == Some(first)));
        if self.issuing.get(&name).is_some_and(BTreeMap::is_empty) {
            self.issuing.remove(&name);
        }
        match agreed {
            Some(thumbprint) => drop(self.entries.thumbprints.insert(name, thumbprint)),
            None => drop(self.entries.thumbprints.remove(&name)),
        }
    }
}

fn host(challenge: &Challenge) -> Box<str> {
    challenge.spec.dns_name.to_ascii_lowercase().into()
}

fn is_issuing(certificate: &Certificate) -> bool {
    condition(&certificate.status.conditions, "Issuing").is_some_and(|c| c.status == ConditionStatus::True)
}

/// True if an issuer changed, or a Secret that one names: every answer may be another then. That is rare.
fn accounts_changed(old: &View, new: &View, settings: &Settings) -> bool {
    if !new.issuers.changed_since(&old.issuers).is_empty() {
        return true;
    }
    let secrets = new.secrets.changed_since(&old.secrets);
    !secrets.is_empty()
        && new.issuers.iter().any(|(key, issuer)| {
            account::secrets(key, issuer, settings).any(|place| secrets.iter().any(|secret| **secret == place))
        })
}

fn certified(name: &str, key_authorization: &str, now: Timestamp) -> Option<Arc<CertifiedKey>> {
    let spec = PrivateKeySpec { algorithm: Some(Algorithm::ECDSA), ..PrivateKeySpec::default() };
    let key = PrivateKey::generate(&spec).ok()?;
    let certificate = temporary::challenge(name, key_authorization, &key, now).ok()?;
    let signer = any_supported_type(&PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.pkcs8().to_vec()))).ok()?;
    Some(Arc::new(CertifiedKey::new(vec![CertificateDer::from(certificate)], signer)))
}
