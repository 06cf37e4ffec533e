//! The objects that a service refers to.

use super::{Check, Child, Probe, ServiceError};
use crate::forward::Transport;
use flow_model::name::Name;
use std::sync::Arc;

/// Finds the objects that a service refers to, if they are valid. The caller knows the referring provider.
pub trait Resolve {
    /// The service of that name, with its middlewares; the same one as before if nothing of it has changed.
    fn service(&mut self, name: &str) -> Option<Arc<Child>>;

    /// The servers transport of that name; empty asks for the default one.
    fn transport(&mut self, name: &str) -> Option<Arc<Transport>>;

    /// The probe of a server, by its URL; one that is up and never checked, where there are no checks.
    fn probe(&mut self, _server: &str, _check: &Arc<Check>, _transport: &Arc<Transport>) -> Arc<Probe> {
        Arc::new(Probe::idle())
    }

    /// [`Resolve::service`], as a part of another service, to which it must tell of its state if `tells_health`.
    ///
    /// # Errors
    /// `UnknownService` if there is none, `NoHealth` if it cannot tell.
    fn part(&mut self, name: &Name, tells_health: bool) -> Result<Arc<Child>, ServiceError> {
        let child = self.service(name).ok_or_else(|| ServiceError::UnknownService(Name::clone(name)))?;
        if tells_health && !child.service().tells_health() {
            return Err(ServiceError::NoHealth(Name::clone(name)));
        }
        Ok(child)
    }
}
