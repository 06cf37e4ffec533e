//! The questions about Secrets and ConfigMaps that objects name, from the one who keeps the view to the tasks that
//! can answer them.

use super::referenced::Want;
use crate::view::{Kind, ObjectKey, Reference, View};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// So many questions may stand for keys that nobody names any longer before the tasks hear of it.
const SLACK: usize = 1024;

/// The tasks, and what they have not answered.
#[derive(Default)]
pub(super) struct Lookups {
    lookups: Vec<Lookup>,
    /// What is wanted and was not answered yet, and since when.
    pending: HashMap<Reference, Instant>,
    /// How many were asked for since the tasks last heard what is still wanted.
    asked: usize,
}

/// The way to Secrets or ConfigMaps of one namespace, or of all.
struct Lookup {
    kind: Kind,
    namespace: Option<Arc<str>>,
    send: mpsc::UnboundedSender<Want>,
}

impl Lookup {
    fn answers(&self, kind: Kind, key: &ObjectKey) -> bool {
        self.kind == kind && self.namespace.as_ref().is_none_or(|namespace| *namespace == key.namespace)
    }
}

impl Lookups {
    pub(super) fn add(&mut self, kind: Kind, namespace: Option<Arc<str>>, send: mpsc::UnboundedSender<Want>) {
        self.lookups.push(Lookup { kind, namespace, send });
    }

    /// Since when the oldest question waits for its answer.
    pub(super) fn pending_since(&self) -> Option<Instant> {
        self.pending.values().min().copied()
    }

    /// A question was answered.
    pub(super) fn answered(&mut self, kind: Kind, key: ObjectKey) {
        self.pending.remove(&match kind {
            Kind::ConfigMap => Reference::ConfigMap(key),
            _ => Reference::Secret(key),
        });
    }

    /// Asks for everything that objects began to name.
    pub(super) fn ask(&mut self, view: &mut View) {
        let fresh = view.take_wanted();
        if fresh.is_empty() {
            return;
        }
        let now = Instant::now();
        let mut questions: Vec<Vec<ObjectKey>> = self.lookups.iter().map(|_| Vec::new()).collect();
        for reference in fresh {
            let (kind, key) = kind_and_key(&reference);
            // A namespace that is not watched has no lookup: what is named there is not there.
            let lookup = self.lookups.iter().position(|lookup| lookup.answers(kind, key));
            if let Some(keys) = lookup.and_then(|index| questions.get_mut(index)) {
                keys.push(key.clone());
                self.asked += 1;
                self.pending.insert(reference, now);
            }
        }
        for (lookup, keys) in self.lookups.iter().zip(questions) {
            if !keys.is_empty() {
                let _ = lookup.send.send(Want::More(keys));
            }
        }
        self.forget_unwanted(view);
    }

    /// Now and then the tasks hear what is still wanted, so that they need not know every key there ever was.
    fn forget_unwanted(&mut self, view: &View) {
        let wanted = view.wanted().count();
        if self.asked <= 2 * wanted + SLACK {
            return;
        }
        self.asked = wanted;
        self.pending.retain(|reference, _| view.wants(reference));
        for lookup in &self.lookups {
            let keys = view.wanted().map(kind_and_key).filter(|(kind, key)| lookup.answers(*kind, key));
            let _ = lookup.send.send(Want::Only(keys.map(|(_, key)| key.clone()).collect()));
        }
    }
}

const fn kind_and_key(reference: &Reference) -> (Kind, &ObjectKey) {
    match reference {
        Reference::ConfigMap(key) => (Kind::ConfigMap, key),
        Reference::Secret(key) => (Kind::Secret, key),
    }
}
