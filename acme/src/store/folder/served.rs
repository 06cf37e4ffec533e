//! What comes of a store, as far as others see it.

use crate::objects::{Condition, ConditionStatus, Key, Secret, condition};
use crate::planner::{Kind, View};
use std::collections::HashMap;
use std::sync::Arc;

/// Certificates that can be shown, and what keeps others from coming.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Served {
    /// The Secrets of Certificates: chain and key.
    pub secrets: Vec<Arc<Secret>>,
    /// Issuers and Certificates with trouble.
    pub troubles: Vec<Trouble>,
}

/// What is wrong with an object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trouble {
    /// Its kind.
    pub kind: Kind,
    /// Where it lives.
    pub key: Key,
    /// The words of its condition.
    pub message: String,
}

impl Served {
    /// What the view shows.
    #[must_use]
    pub fn of(view: &View) -> Self {
        let mut served = Self::default();
        // A request that waits for an issuer that is not there fails never.
        let waiting = view.requests.values().filter_map(|request| {
            let words = failure(&request.status.conditions, "Ready").filter(|words| words.starts_with("Referenced"))?;
            Some((request.metadata.controller()?.uid.as_str(), words))
        });
        let waiting: HashMap<&str, &str> = waiting.collect();
        for (key, certificate) in &view.certificates {
            let place = Key::new(key.namespace.clone(), certificate.spec.secret_name.clone());
            let secret = view.secrets.get(&place);
            let whole = |s: &&Arc<Secret>| s.entry("tls.crt").is_some() && s.entry("tls.key").is_some();
            served.secrets.extend(secret.filter(whole).cloned());
            let failed = failure(&certificate.status.conditions, "Issuing");
            let trouble = failed.or_else(|| waiting.get(certificate.metadata.uid.as_str()).copied());
            served.trouble(Kind::Certificate, key, trouble);
        }
        for (key, issuer) in &view.issuers {
            served.trouble(Kind::Issuer, key, failure(&issuer.status.conditions, "Ready"));
        }
        served
    }

    fn trouble(&mut self, kind: Kind, key: &Key, message: Option<&str>) {
        self.troubles.extend(message.map(|message| Trouble { kind, key: key.clone(), message: message.to_owned() }));
    }
}

fn failure<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a str> {
    let found = condition(conditions, kind).filter(|c| c.status == ConditionStatus::False)?;
    Some(&found.message)
}
