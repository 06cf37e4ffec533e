//! What keeps certificates from coming, for whoever looks at the whole.

use super::certificate::{brake, foreign, settle};
use super::index::Index;
use super::{Kind, View, ingress};
use crate::objects::{Certificate, Condition, ConditionStatus, Key, condition};
use std::collections::HashMap;

/// A finding about an object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trouble {
    /// Its kind.
    pub kind: Kind,
    /// Where it lives.
    pub key: Key,
    /// For people.
    pub message: String,
}

/// All that is wrong with issuers, Certificates and the Ingresses that ask for them. `alone`: no other controller of
/// cert-manager's kinds is at work, so that what is not served here is served by nobody.
#[must_use]
pub fn troubles(view: &View, alone: bool) -> Vec<Trouble> {
    let index = Index::of(view);
    let mut found = Vec::new();
    let mut trouble = |kind: Kind, key: &Key, message: Option<String>| {
        found.extend(message.map(|message| Trouble { kind, key: key.clone(), message }));
    };
    // A request that waits for an issuer that is not there fails never.
    let waiting = view.requests.values().filter_map(|request| {
        let absent = |words: &&str| words.starts_with("Referenced") && words.contains("not found");
        let words = failure(&request.status.conditions, "Ready").filter(absent)?;
        Some((request.metadata.controller()?.uid.as_str(), words))
    });
    let waiting: HashMap<&str, &str> = waiting.collect();
    for (key, certificate) in &view.certificates {
        if let Some(why) = foreign::unserved(view, certificate) {
            trouble(Kind::Certificate, key, alone.then_some(why));
            continue;
        }
        let waits = waiting.get(certificate.metadata.uid.as_str()).copied();
        let words = failure(&certificate.status.conditions, "Issuing").or_else(|| brake::held(certificate)).or(waits);
        let words = words.map(str::to_owned);
        trouble(Kind::Certificate, key, words.or_else(|| duplicate(view, &index, key, certificate)));
    }
    for (key, issuer) in &view.issuers {
        trouble(Kind::Issuer, key, failure(&issuer.status.conditions, "Ready").map(str::to_owned));
    }
    for (key, asking) in view.ingresses.iter().filter(|(_, asking)| ingress::asks(&asking.metadata)) {
        for message in ingress::crowded_out(view, &index, asking) {
            trouble(Kind::Ingress, key, Some(message));
        }
    }
    found
}

fn failure<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a str> {
    let found = condition(conditions, kind).filter(|c| c.status == ConditionStatus::False)?;
    Some(&found.message)
}

fn duplicate(view: &View, index: &Index<'_>, key: &Key, certificate: &Certificate) -> Option<String> {
    let place = Key::new(key.namespace.clone(), certificate.spec.secret_name.clone());
    let owner = index.owner_of_secret(view, &place).filter(|owner| owner.metadata.name != key.name)?;
    Some(settle::outranked(certificate, owner))
}
