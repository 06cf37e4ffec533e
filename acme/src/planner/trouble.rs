//! The reasons for which certificates are missing, over the whole view.

use super::action::Kind;
use super::certificate::{brake, foreign, status};
use super::index::Index;
use super::ingress;
use crate::objects::{Certificate, Condition, ConditionStatus, Key, condition};
use crate::view::{Settings, View};

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

/// Returns all problems of issuers, Certificates and the Ingresses that ask for them, as far as the view shows them.
#[must_use]
pub fn troubles(view: &View, settings: &Settings) -> Vec<Trouble> {
    let index = Index::of(view);
    let mut found = Vec::new();
    let mut trouble = |kind: Kind, key: &Key, message: Option<String>| {
        found.extend(message.map(|message| Trouble { kind, key: key.clone(), message }));
    };
    for (key, certificate) in &view.certificates {
        if let Some(why) = foreign::unserved(view, certificate) {
            // Another cert-manager controller may serve it.
            trouble(Kind::Certificate, key, settings.alone.then(|| why.to_string()));
            continue;
        }
        let words = failure(&certificate.status.conditions, "Issuing").or_else(|| brake::held(certificate));
        let words = words.map(str::to_owned);
        // A request that waits for a missing issuer never fails.
        let words = words.or_else(|| {
            foreign::missing_issuer(view, &certificate.spec.issuer_ref, &key.namespace)
                .map(|missing| missing.to_string())
        });
        trouble(Kind::Certificate, key, words.or_else(|| duplicate(view, &index, key, certificate)));
    }
    for (key, issuer) in &view.issuers {
        trouble(Kind::Issuer, key, failure(&issuer.status.conditions, "Ready").map(str::to_owned));
    }
    for (key, ingress) in &view.ingresses {
        if ingress::asks(&ingress.metadata) {
            for message in ingress::problems(view, settings, &index, ingress) {
                trouble(Kind::Ingress, key, Some(message));
            }
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
    Some(status::outranked(certificate, owner))
}
