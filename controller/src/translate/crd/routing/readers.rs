use super::fragment::{Id, Reads};
use crate::view::{Dirty, ObjectKey};
use hashbrown::HashMap;
use std::collections::BTreeSet;

/// The objects whose translation reads Services, which stand for their EndpointSlices too, or Nodes.
#[derive(Debug, Default)]
pub(super) struct Readers {
    of_services: Index,
    of_parents: Index,
    of_nodes: BTreeSet<Id>,
}

impl Readers {
    /// Returns those that read something that changed.
    pub(super) fn of(&self, dirty: &Dirty) -> BTreeSet<Id> {
        let services = dirty.services.iter().filter_map(|service| self.of_services.get(service));
        let parents = dirty.ingress_routes.iter().filter_map(|parent| self.of_parents.get(parent));
        let mut ids: BTreeSet<_> = services.chain(parents).flatten().cloned().collect();
        if !dirty.nodes.is_empty() {
            ids.extend(self.of_nodes.iter().cloned());
        }
        ids
    }

    pub(super) fn add(&mut self, id: &Id, reads: &Reads) {
        add(&mut self.of_services, id, &reads.services);
        add(&mut self.of_parents, id, &reads.parents);
        if reads.nodes {
            self.of_nodes.insert(id.clone());
        }
    }

    /// Removes what only the old translation reads, not the new one.
    pub(super) fn remove(&mut self, id: &Id, old: &Reads, new: Option<&Reads>) {
        remove(&mut self.of_services, id, &old.services, new.map(|new| &*new.services));
        remove(&mut self.of_parents, id, &old.parents, new.map(|new| &*new.parents));
        if old.nodes && new.is_none_or(|new| !new.nodes) {
            self.of_nodes.remove(id);
        }
    }
}

/// The readers of each object, in order.
type Index = HashMap<ObjectKey, Vec<Id>, foldhash::fast::RandomState>;

fn add(index: &mut Index, id: &Id, objects: &[ObjectKey]) {
    for object in objects {
        let readers = index.entry(object.clone()).or_default();
        if let Err(at) = readers.binary_search(id) {
            readers.insert(at, id.clone());
        }
    }
}

fn remove(index: &mut Index, id: &Id, old: &[ObjectKey], new: Option<&[ObjectKey]>) {
    for object in old.iter().filter(|object| new.is_none_or(|new| new.binary_search(object).is_err())) {
        let Some(readers) = index.get_mut(object) else { continue };
        if let Ok(at) = readers.binary_search(id) {
            readers.remove(at);
        }
        if readers.is_empty() {
            index.remove(object);
        }
    }
}
