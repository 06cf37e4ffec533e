//! The reasons for which certificates are missing, over the whole view.

use super::action::{Kind, Target};
use super::certificate::{brake, foreign, status};
use super::dependents::Tracker;
use super::index::Index;
use super::{budget, ingress, limit, request};
use crate::http01::Method;
use crate::objects::{Certificate, Challenge, Condition, ConditionStatus, Issuer, Key, condition};
use crate::view::{Settings, View};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A problem of an object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trouble {
    /// Kind of the object.
    pub kind: Kind,
    /// Namespace and name.
    pub key: Key,
    /// Text for people.
    pub message: String,
}

/// The problems of issuers, Certificates and the Ingresses that ask for them, as far as the views show them.
pub struct Troubles {
    settings: Settings,
    tracker: Tracker,
    messages: BTreeMap<Target, Vec<String>>,
}

impl Troubles {
    /// The problems of a view without objects.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, tracker: Tracker::default(), messages: BTreeMap::new() }
    }

    /// Takes the next view. Returns true if the problems are others now.
    pub fn follow(&mut self, view: &Arc<View>) -> bool {
        let mut news = false;
        for target in self.tracker.advance(view, &self.settings) {
            let messages = messages(view, &self.tracker.index, &self.settings, &target);
            news |= self.messages.get(&target).map_or(!messages.is_empty(), |known| *known != messages);
            if messages.is_empty() {
                self.messages.remove(&target);
            } else {
                self.messages.insert(target, messages);
            }
        }
        news
    }

    /// Returns the present problems.
    #[must_use]
    pub fn present(&self) -> Vec<Trouble> {
        let all = self.messages.iter().flat_map(|((kind, key), messages)| {
            messages.iter().map(|message| Trouble { kind: *kind, key: key.clone(), message: message.clone() })
        });
        all.collect()
    }
}

impl std::fmt::Debug for Troubles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Troubles").field("messages", &self.messages).finish_non_exhaustive()
    }
}

/// Returns all problems that a view shows.
#[must_use]
pub fn troubles(view: &View, settings: &Settings) -> Vec<Trouble> {
    let mut troubles = Troubles::new(settings.clone());
    troubles.follow(&Arc::new(view.clone()));
    troubles.present()
}

/// Returns the problems of one object.
fn messages(view: &View, index: &Index, settings: &Settings, (kind, key): &Target) -> Vec<String> {
    match kind {
        Kind::Certificate => {
            let certificate = view.certificates.get(key);
            certificate
                .and_then(|certificate| of_certificate(view, index, settings, key, certificate))
                .into_iter()
                .collect()
        }
        Kind::Issuer => view.issuers.get(key).map(|issuer| of_issuer(issuer)).unwrap_or_default(),
        Kind::Ingress => {
            let ingress = view.ingresses.get(key).filter(|ingress| ingress::asks(&ingress.metadata));
            ingress.map(|ingress| ingress::problems(view, settings, index, ingress)).unwrap_or_default()
        }
        Kind::Challenge => view.challenges.get(key).and_then(|challenge| unrecorded(challenge)).into_iter().collect(),
        Kind::CertificateRequest | Kind::Order | Kind::Secret => Vec::new(),
    }
}

/// A record that somebody has to create.
fn unrecorded(challenge: &Challenge) -> Option<String> {
    let status = &challenge.status;
    let waits = Method::of(challenge) == Some(Method::DnsPersist01) && !status.presented && !status.state.is_final();
    (waits && !status.reason.is_empty()).then(|| status.reason.clone())
}

fn of_issuer(issuer: &Issuer) -> Vec<String> {
    let conditions = &issuer.status.conditions;
    failure(conditions, "Ready").or_else(|| limit::orders_held(issuer)).into_iter().map(str::to_owned).collect()
}

fn of_certificate(
    view: &View,
    index: &Index,
    settings: &Settings,
    key: &Key,
    certificate: &Arc<Certificate>,
) -> Option<String> {
    if let Some(why) = foreign::unserved(view, certificate) {
        // Another cert-manager controller may serve it.
        return settings.alone.then(|| why.to_string());
    }
    let words = failure(&certificate.status.conditions, "Issuing").or_else(|| brake::held(certificate));
    let words = words.map(str::to_owned);
    // A request that waits for a missing issuer never fails.
    let missing = || foreign::missing_issuer(view, &certificate.spec.issuer_ref, &key.namespace);
    let words = words.or_else(|| missing().map(|missing| missing.to_string()));
    let words = words.or_else(|| duplicate(view, index, key, certificate));
    let words = words.or_else(|| status::incomplete(certificate).map(str::to_owned));
    words.or_else(|| {
        let requests = index.requests(certificate).iter();
        let mut unordered = requests.filter(|request| request::is_pending(request) && index.orders(request).is_empty());
        unordered.find_map(|request| budget::refusal(view, request))
    })
}

fn failure<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a str> {
    let found = condition(conditions, kind).filter(|c| c.status == ConditionStatus::False)?;
    Some(&found.message)
}

fn duplicate(view: &View, index: &Index, key: &Key, certificate: &Certificate) -> Option<String> {
    let place = Key::new(key.namespace.clone(), certificate.spec.secret_name.clone());
    let owner = index.owner_of_secret(view, &place).filter(|owner| owner.metadata.name != key.name)?;
    Some(status::outranked(certificate, owner))
}
