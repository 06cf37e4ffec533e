//! The states of all servers that are checked, for the API and the metrics.

use crate::service::Service;
use flow_model::name::Name;
use flow_model::runtime::ServerStates;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Instant;

/// The services with servers that are checked, by name. It is written when a configuration is compiled, and read when
/// somebody looks.
#[derive(Debug, Default)]
pub(crate) struct HealthTable(Mutex<BTreeMap<Name, Weak<Service>>>);

impl HealthTable {
    /// Notes the service of this name as it is served from now on.
    pub(crate) fn insert(&self, service: &Arc<Service>) {
        if service.is_checked() {
            self.0.lock().insert(Name::clone(service.name()), Arc::downgrade(service));
        } else {
            self.remove(service.name());
        }
    }

    /// Forgets a service.
    pub(crate) fn remove(&self, name: &Name) {
        self.0.lock().remove(name);
    }

    /// All services with their servers: URL, and true if it is up.
    pub(crate) fn all(&self) -> Vec<(Name, Vec<(String, bool)>)> {
        let now = Instant::now();
        let services = self.0.lock();
        let services = services.iter().filter_map(|(name, service)| Some((Name::clone(name), service.upgrade()?)));
        services.map(|(name, service)| (name, service.servers(now))).collect()
    }
}

impl ServerStates for HealthTable {
    fn servers(&self, service: &str) -> Vec<(String, bool)> {
        let service = self.0.lock().get(service).and_then(Weak::upgrade);
        service.map_or_else(Vec::new, |service| service.servers(Instant::now()))
    }
}
