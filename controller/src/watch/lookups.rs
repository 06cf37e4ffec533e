//! The lookups of Secrets and ConfigMaps that objects name, passed from the owner of the view to the tasks that do
//! them.

use super::referenced::LookupRequest;
use crate::view::{Kind, ObjectKey, Reference, View};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// The number of lookups for keys no longer named after which the tasks are told which keys still are.
const MAX_STALE: usize = 1024;

/// The tasks, and the lookups without a result.
#[derive(Default)]
pub(super) struct Lookups {
    lookups: Vec<Lookup>,
    /// The wanted objects without a result, and the time of asking.
    pending: HashMap<Reference, Instant>,
    /// The number of lookups since the tasks were last told which keys are still wanted.
    asked: usize,
}

/// The channel to the lookup of Secrets or ConfigMaps of one namespace, or of all.
struct Lookup {
    kind: Kind,
    namespace: Option<Arc<str>>,
    send: mpsc::UnboundedSender<LookupRequest>,
}

impl Lookup {
    fn covers(&self, kind: Kind, key: &ObjectKey) -> bool {
        self.kind == kind && self.namespace.as_ref().is_none_or(|namespace| *namespace == key.namespace)
    }
}

impl Lookups {
    pub(super) fn add(&mut self, kind: Kind, namespace: Option<Arc<str>>, send: mpsc::UnboundedSender<LookupRequest>) {
        self.lookups.push(Lookup { kind, namespace, send });
    }

    /// Returns the time since which the oldest lookup waits for its result.
    pub(super) fn pending_since(&self) -> Option<Instant> {
        self.pending.values().min().copied()
    }

    /// Records that a lookup has its result.
    pub(super) fn resolved(&mut self, kind: Kind, key: ObjectKey) {
        self.pending.remove(&match kind {
            Kind::ConfigMap => Reference::ConfigMap(key),
            _ => Reference::Secret(key),
        });
    }

    /// Asks for all objects that became wanted.
    pub(super) fn ask(&mut self, view: &mut View) {
        let fresh = view.take_wanted();
        if fresh.is_empty() {
            return;
        }
        let now = Instant::now();
        let mut questions: Vec<Vec<ObjectKey>> = self.lookups.iter().map(|_| Vec::new()).collect();
        for reference in fresh {
            let (kind, key) = kind_and_key(&reference);
            // A namespace that is not watched has no lookup: objects in it are treated as absent.
            let lookup = self.lookups.iter().position(|lookup| lookup.covers(kind, key));
            if let Some(keys) = lookup.and_then(|index| questions.get_mut(index)) {
                keys.push(key.clone());
                self.asked += 1;
                self.pending.insert(reference, now);
            }
        }
        for (lookup, keys) in self.lookups.iter().zip(questions) {
            if !keys.is_empty() {
                let _ = lookup.send.send(LookupRequest::More(keys));
            }
        }
        self.forget_unwanted(view);
    }

    /// Tells the tasks at intervals which keys are still wanted, so that they can forget the others.
    fn forget_unwanted(&mut self, view: &View) {
        let wanted = view.wanted().count();
        if self.asked <= 2 * wanted + MAX_STALE {
            return;
        }
        self.asked = wanted;
        self.pending.retain(|reference, _| view.wants(reference));
        for lookup in &self.lookups {
            let keys = view.wanted().map(kind_and_key).filter(|(kind, key)| lookup.covers(*kind, key));
            let _ = lookup.send.send(LookupRequest::Only(keys.map(|(_, key)| key.clone()).collect()));
        }
    }
}

const fn kind_and_key(reference: &Reference) -> (Kind, &ObjectKey) {
    match reference {
        Reference::ConfigMap(key) => (Kind::ConfigMap, key),
        Reference::Secret(key) => (Kind::Secret, key),
    }
}
