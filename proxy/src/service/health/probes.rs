//! All probes of a process.

use super::{Check, Probe};
use crate::forward::Transport;
use flow_model::config::HealthCheck;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Weak};
use tokio::runtime::Handle;

/// The probes that services use. One that is checked in the same way is shared.
#[derive(Default)]
pub(crate) struct Probes {
    /// The runtime that they run on; without one there are no checks.
    runtime: Option<Handle>,
    running: HashMap<Key, Weak<Probe>>,
}

/// A server, how it is checked, and how it is reached. The address of a transport is one while its probe lives.
#[derive(Eq, Hash, PartialEq)]
struct Key(Box<str>, HealthCheck, usize);

impl fmt::Debug for Probes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probes").field("running", &self.running.len()).finish_non_exhaustive()
    }
}

impl Probes {
    /// No probes yet; they will run on `runtime`.
    pub(crate) fn new(runtime: Option<Handle>) -> Self {
        Self { runtime, running: HashMap::new() }
    }

    /// The probe of `server`, a URL; it begins if there is none.
    pub(crate) fn probe(&mut self, server: &str, check: &Arc<Check>, transport: &Arc<Transport>) -> Arc<Probe> {
        let Some(runtime) = &self.runtime else { return Arc::new(Probe::idle()) };
        let key = Key(Box::from(server), check.config.clone(), Arc::as_ptr(transport).addr());
        if let Some(running) = self.running.get(&key).and_then(Weak::upgrade) {
            return running;
        }
        let probe = Arc::new(Probe::start(runtime, server, check, transport));
        self.running.insert(key, Arc::downgrade(&probe));
        probe
    }

    /// Forgets those that ended.
    pub(crate) fn sweep(&mut self) {
        self.running.retain(|_, probe| probe.strong_count() > 0);
    }
}
