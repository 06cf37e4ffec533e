use super::backend::{BackendKey, Unserved};
use super::foreign;
use super::users::Users;
use crate::translate::claims::{Claims, Owner};
use crate::translate::options::IngressOptions;
use crate::view::ingress::BackendPort;
use crate::view::{Dirty, Keys, ObjectKey, View};
use flow_model::config::Service;
use flow_model::name::Name;
use hashbrown::HashSet;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The backends that Ingresses use, each translated once and again only when an object that it reads changes.
#[derive(Debug, Default)]
pub(super) struct Backends {
    /// In order, so that the ports of a Service stand together.
    all: BTreeMap<BackendKey, Box<Entry>>,
    /// Backends whose name belongs to another.
    losers: HashSet<BackendKey, foldhash::fast::RandomState>,
}

#[derive(Debug)]
struct Entry {
    name: Name,
    outcome: Result<Arc<Service>, Unserved>,
    reads_nodes: bool,
    users: Users,
    /// The number of users by its name; if there are any, it is a service of its own.
    named: usize,
    /// Findings about the Service's annotations; few Services have any.
    findings: Option<Box<[String]>>,
}

impl BackendKey {
    fn owner(&self) -> Owner {
        Owner { created: 0, key: self.service.clone(), kind: "Service", port: Some(self.port.clone()) }
    }
}

impl Backends {
    /// Returns the outcome of a backend, with the name of its service.
    pub(super) fn outcome(
        &mut self,
        key: &BackendKey,
        view: &View,
        options: &IngressOptions,
    ) -> (Name, Result<Arc<Service>, Unserved>) {
        if let Some(entry) = self.all.get(key) {
            return (entry.name.clone(), entry.outcome.clone());
        }
        let (outcome, reads_nodes) = key.translate(view, options);
        let entry = Entry {
            name: key.service_name(),
            outcome: outcome.map(Arc::new),
            reads_nodes,
            users: Users::default(),
            named: 0,
            findings: findings(key, view),
        };
        let outcome = (entry.name.clone(), entry.outcome.clone());
        self.all.insert(key.clone(), Box::new(entry));
        outcome
    }

    /// Returns the findings about the annotations of a backend's Service.
    pub(super) fn findings(&self, key: &BackendKey) -> &[String] {
        self.all.get(key).and_then(|entry| entry.findings.as_deref()).unwrap_or_default()
    }

    /// True if its name belongs to another.
    pub(super) fn has_lost_its_name(&self, key: &BackendKey) -> bool {
        self.losers.contains(key)
    }

    /// Adds an Ingress to a backend's users. True if that changes the services.
    pub(super) fn add_user(
        &mut self,
        key: &BackendKey,
        ingress: &ObjectKey,
        named: bool,
        services: &mut Claims<Service>,
    ) -> bool {
        let Some(entry) = self.all.get_mut(key) else { return false };
        let before = entry.users.insert(ingress, named);
        entry.named = entry.named - usize::from(before) + usize::from(named);
        match &entry.outcome {
            Ok(service) if named => services.claim(&entry.name, key.owner(), service.clone()),
            _ => entry.named == 0 && services.release(&entry.name, &key.owner()),
        }
    }

    /// Removes an Ingress from a backend's users. True if that changes the services.
    pub(super) fn remove_user(
        &mut self,
        key: &BackendKey,
        ingress: &ObjectKey,
        services: &mut Claims<Service>,
    ) -> bool {
        let Some(entry) = self.all.get_mut(key) else { return false };
        entry.named -= usize::from(entry.users.remove(ingress));
        let changed = entry.named == 0 && services.release(&entry.name, &key.owner());
        if entry.users.is_empty() {
            self.all.remove(key);
        }
        changed
    }

    fn of_service<'a>(&'a self, service: &'a ObjectKey) -> impl Iterator<Item = &'a BackendKey> {
        let first = BackendKey { service: service.clone(), port: BackendPort::first() };
        self.all.range(first..).map(|(key, _)| key).take_while(move |key| key.service == *service)
    }

    /// Translates backends again that read something that changed. Ingresses affected by it go into `ingresses`.
    pub(super) fn refresh(
        &mut self,
        dirty: &Dirty,
        view: &View,
        options: &IngressOptions,
        services: &mut Claims<Service>,
        ingresses: &mut Keys,
    ) -> bool {
        let mut keys: Vec<BackendKey> =
            dirty.services.iter().flat_map(|service| self.of_service(service)).cloned().collect();
        if !dirty.nodes.is_empty() {
            keys.extend(self.all.iter().filter(|(_, entry)| entry.reads_nodes).map(|(key, _)| key.clone()));
        }
        let mut changed = false;
        for key in keys {
            let Some(entry) = self.all.get_mut(&key) else { continue };
            let (outcome, reads_nodes) = key.translate(view, options);
            entry.reads_nodes = reads_nodes;
            let findings = findings(&key, view);
            if entry.findings != findings {
                entry.findings = findings;
                ingresses.extend(entry.users.iter().map(|(user, _)| user.clone()));
            }
            match (&entry.outcome, outcome) {
                (Ok(old), Ok(new)) if **old == new => {}
                (Err(old), Err(new)) if *old == new => {}
                (old, new) => {
                    let usable = old.is_ok() && new.is_ok();
                    ingresses.extend(
                        entry.users.iter().filter(|(_, named)| !(usable && *named)).map(|(user, _)| user.clone()),
                    );
                    entry.outcome = new.map(Arc::new);
                    changed |= match &entry.outcome {
                        Ok(service) if entry.named > 0 => services.claim(&entry.name, key.owner(), service.clone()),
                        Ok(_) => false,
                        Err(_) => services.release(&entry.name, &key.owner()),
                    };
                }
            }
        }
        changed
    }

    /// Finds backends whose name belongs to another; returns the Ingresses for which that changed.
    pub(super) fn resolve_names(&mut self, services: &Claims<Service>) -> Keys {
        let mut losers = HashSet::default();
        for (_, owners) in services.contested() {
            for owner in owners.into_iter().skip(1) {
                if let Some(port) = &owner.port {
                    losers.insert(BackendKey { service: owner.key.clone(), port: port.clone() });
                }
            }
        }
        let changed = losers.symmetric_difference(&self.losers);
        let users = changed
            .filter_map(|key| self.all.get(key))
            .flat_map(|entry| entry.users.iter())
            .map(|(user, _)| user.clone());
        let users = users.collect();
        self.losers = losers;
        users
    }
}

fn findings(key: &BackendKey, view: &View) -> Option<Box<[String]>> {
    let lines = view.service(&key.service).map(|service| foreign::of_service(&service.annotations)).unwrap_or_default();
    (!lines.is_empty()).then(|| lines.into_boxed_slice())
}
