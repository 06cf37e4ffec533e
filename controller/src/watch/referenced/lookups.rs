//! The lookups of Secrets and ConfigMaps that objects name, passed from the owner of a view to the tasks that do them.

use super::informer::LookupSender;
use super::subscriber::LookupRequest;
use crate::view::{Kind, ObjectKey, Reference};
use std::collections::{HashMap, HashSet};
use tokio::time::Instant;

/// The number of lookups for keys no longer named after which the tasks are told which keys still are.
const MAX_STALE: usize = 1024;

/// The tasks, and the lookups without a result.
#[derive(Debug, Default)]
pub(crate) struct Lookups {
    senders: Vec<(Kind, LookupSender)>,
    /// The wanted objects without a result, and the time of asking.
    pending: HashMap<Reference, Instant>,
    /// The number of lookups since the tasks were last told which keys are still wanted, with those keys.
    asked: usize,
    /// The number of keys that were wanted then.
    wanted: usize,
}

impl Lookups {
    pub(crate) fn new(kind: Kind, senders: Vec<LookupSender>) -> Self {
        Self { senders: senders.into_iter().map(|sender| (kind, sender)).collect(), ..Self::default() }
    }

    /// Adds the lookups of one more kind.
    pub(crate) fn add(&mut self, kind: Kind, senders: Vec<LookupSender>) {
        self.senders.extend(senders.into_iter().map(|sender| (kind, sender)));
    }

    /// Returns the time since which the oldest lookup waits for its result.
    pub(crate) fn pending_since(&self) -> Option<Instant> {
        self.pending.values().min().copied()
    }

    /// Records that a lookup has its result.
    pub(crate) fn resolved(&mut self, kind: Kind, key: ObjectKey) {
        self.pending.remove(&match kind {
            Kind::ConfigMap => Reference::ConfigMap(key),
            _ => Reference::Secret(key),
        });
    }

    /// Asks for the objects that became wanted. `wanted` returns all that are.
    pub(crate) fn ask(&mut self, fresh: Vec<Reference>, wanted: impl Fn() -> HashSet<Reference>) {
        if fresh.is_empty() {
            return;
        }
        let now = Instant::now();
        let mut requests: Vec<Vec<ObjectKey>> = self.senders.iter().map(|_| Vec::new()).collect();
        for reference in fresh {
            let (kind, key) = kind_and_key(&reference);
            // A namespace that is not watched has no lookup: objects in it are treated as absent.
            let sender = self.senders.iter().position(|sender| covers(sender, kind, key));
            if let Some(keys) = sender.and_then(|index| requests.get_mut(index)) {
                keys.push(key.clone());
                self.asked += 1;
                self.pending.insert(reference, now);
            }
        }
        for ((_, sender), keys) in self.senders.iter().zip(requests) {
            if !keys.is_empty() {
                sender.send(LookupRequest::More(keys));
            }
        }
        if self.asked > 2 * self.wanted + MAX_STALE {
            self.forget_unwanted(&wanted());
        }
    }

    /// Tells the tasks which keys are still wanted, so that they can forget the others.
    fn forget_unwanted(&mut self, wanted: &HashSet<Reference>) {
        self.asked = wanted.len();
        self.wanted = wanted.len();
        self.pending.retain(|reference, _| wanted.contains(reference));
        for sender in &self.senders {
            let keys = wanted.iter().map(kind_and_key).filter(|(kind, key)| covers(sender, *kind, key));
            sender.1.send(LookupRequest::Only(keys.map(|(_, key)| key.clone()).collect()));
        }
    }
}

fn covers((kind, sender): &(Kind, LookupSender), wanted: Kind, key: &ObjectKey) -> bool {
    *kind == wanted && sender.namespace.as_ref().is_none_or(|namespace| *namespace == key.namespace)
}

const fn kind_and_key(reference: &Reference) -> (Kind, &ObjectKey) {
    match reference {
        Reference::ConfigMap(key) => (Kind::ConfigMap, key),
        Reference::Secret(key) => (Kind::Secret, key),
    }
}
