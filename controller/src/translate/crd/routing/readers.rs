use super::fragment::{Id, Reads};
use crate::view::{Dirty, ObjectKey};
use hashbrown::HashMap;
use std::collections::BTreeSet;

/// The objects whose translation reads Services, which stand for their EndpointSlices too, or Nodes.
#[derive(Debug, Default)]
pub(super) struct Readers {
    of_services: HashMap<ObjectKey, Vec<Id>, foldhash::fast::RandomState>,
    of_nodes: BTreeSet<Id>,
}

impl Readers {
    /// Returns those that read something that changed.
    pub(super) fn of(&self, dirty: &Dirty) -> BTreeSet<Id> {
        let services = dirty.services.iter().filter_map(|service| self.of_services.get(service));
        let mut ids: BTreeSet<_> = services.flatten().cloned().collect();
        if !dirty.nodes.is_empty() {
            ids.extend(self.of_nodes.iter().cloned());
        }
        ids
    }

    pub(super) fn add(&mut self, id: &Id, reads: &Reads) {
        for service in &reads.services {
            let readers = self.of_services.entry(service.clone()).or_default();
            if let Err(at) = readers.binary_search(id) {
                readers.insert(at, id.clone());
            }
        }
        if reads.nodes {
            self.of_nodes.insert(id.clone());
        }
    }

    /// Removes what only the old translation reads, not the new one.
    pub(super) fn remove(&mut self, id: &Id, old: &Reads, new: Option<&Reads>) {
        for service in old.services.iter().filter(|service| new.is_none_or(|new| !new.services.contains(*service))) {
            let Some(readers) = self.of_services.get_mut(service) else { continue };
            if let Ok(at) = readers.binary_search(id) {
                readers.remove(at);
            }
            if readers.is_empty() {
                self.of_services.remove(service);
            }
        }
        if old.nodes && new.is_none_or(|new| !new.nodes) {
            self.of_nodes.remove(id);
        }
    }
}
