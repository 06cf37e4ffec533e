//! The configuration as operators see it, updated by changes.

use super::change::Change;
use super::lookup::{Lookup, ObjectRef};
use super::routers::{RouterInstance, RouterState};
use super::tls_options::ByName;
use crate::tls::{CertificateInfo as Loaded, TlsState};
use flow_model::diagnostic::{Diagnostic, Severity, Subject};
use flow_model::middleware::Middleware;
use flow_model::name::{INTERNAL, Name, provider};
use flow_model::runtime::{CertificateInfo, MiddlewareInfo, Runtime, ServiceInfo, Status};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The last report, and the state needed for the next one.
#[derive(Debug, Default)]
pub(super) struct Report {
    runtime: Runtime,
    /// Routers that have any error or warning.
    troubled: BTreeSet<Name>,
    broken_middlewares: ByName<String>,
    broken_services: ByName<String>,
}

impl Report {
    /// Removes the instances of routers in `gone`, and inserts those of `built`.
    pub(super) fn routers(&mut self, gone: &[RouterInstance], built: &[Name], entries: &ByName<Box<RouterState>>) {
        for instance in gone {
            let name = &instance.placed.name;
            if self.runtime.routers.get(name).is_some_and(|info| Arc::ptr_eq(info, &instance.info)) {
                self.runtime.routers.remove(name);
                self.runtime.resolving.remove(name);
            }
        }
        for name in built {
            let entry = entries.get(name);
            for instance in entry.iter().flat_map(|entry| &entry.instances) {
                let name = &instance.placed.name;
                self.runtime.routers.insert(Arc::clone(name), Arc::clone(&instance.info));
                if instance.info.resolving().is_some() {
                    self.runtime.resolving.insert(Arc::clone(name), Arc::clone(&instance.info));
                } else {
                    self.runtime.resolving.remove(name);
                }
            }
            if entry.is_some_and(|entry| entry.is_troubled()) {
                self.troubled.insert(Arc::clone(name));
            } else {
                self.troubled.remove(name);
            }
        }
    }

    /// Updates the certificates.
    pub(super) fn certificates(&mut self, tls: &TlsState, last: Option<&TlsState>) {
        if last.is_none_or(|last| !last.has_certificates_of(tls)) {
            self.runtime.certificates = tls.certificates().map(|(origin, info)| Arc::new(show(origin, info))).collect();
        }
    }

    /// The report, once routers and certificates are up to date.
    pub(super) fn finish(
        &mut self,
        change: &Change,
        lookup: Lookup<'_>,
        entries: &ByName<Box<RouterState>>,
        findings: Vec<Diagnostic>,
    ) -> Runtime {
        let (mut middlewares, mut services) = (ByName::default(), ByName::default());
        self.runtime.diagnostics = findings;
        for instance in self.troubled.iter().filter_map(|name| entries.get(name)).flat_map(|entry| &entry.instances) {
            if let Some(broken) = &instance.broken {
                middlewares.extend(broken.middlewares.iter().cloned());
                services.extend(broken.services.iter().cloned());
            }
            let severity = match instance.info.status {
                Status::Enabled => continue,
                Status::Disabled => Severity::Error,
                Status::Warning => Severity::Warning,
            };
            self.runtime.diagnostics.extend(instance.info.errors.iter().map(|error| Diagnostic {
                severity,
                subject: Subject::new("router", "", Arc::clone(&instance.placed.name)),
                message: error.clone(),
            }));
        }
        for source in lookup.0.iter().filter(|source| &*source.provider != INTERNAL) {
            self.runtime.diagnostics.extend(source.config.diagnostics.iter().cloned());
        }
        self.runtime.diagnostics.sort();
        self.runtime.diagnostics.dedup();

        let mut touched: BTreeSet<ObjectRef> = change.parts.iter().cloned().collect();
        touched.extend(differing(&self.broken_middlewares, &middlewares).map(ObjectRef::Middleware));
        touched.extend(differing(&self.broken_services, &services).map(ObjectRef::Service));
        (self.broken_middlewares, self.broken_services) = (middlewares, services);
        for on in touched {
            match on {
                ObjectRef::Middleware(name) if provider(&name) != INTERNAL => self.middleware(name, lookup),
                ObjectRef::Service(name) if provider(&name) != INTERNAL => self.service(name, lookup),
                _ => {}
            }
        }
        self.runtime.clone()
    }

    fn middleware(&mut self, name: Name, lookup: Lookup<'_>) {
        let shown = lookup.middleware(&name).filter(|middleware| !matches!(***middleware, Middleware::Absent(_)));
        let Some(middleware) = shown.cloned() else {
            self.runtime.middlewares.remove(&name);
            return;
        };
        let (status, errors) = became(match &*middleware {
            Middleware::Invalid(reason) => Some(reason),
            _ => self.broken_middlewares.get(&name),
        });
        self.runtime.middlewares.insert(name, Arc::new(MiddlewareInfo { middleware, status, errors }));
    }

    fn service(&mut self, name: Name, lookup: Lookup<'_>) {
        let Some(service) = lookup.service(&name).cloned() else {
            self.runtime.services.remove(&name);
            return;
        };
        let (status, errors) = became(self.broken_services.get(&name));
        self.runtime.services.insert(name, Arc::new(ServiceInfo { service, status, errors }));
    }
}

/// Names with different values in the two.
fn differing<'a>(before: &'a ByName<String>, now: &'a ByName<String>) -> impl Iterator<Item = Name> + 'a {
    let gone = before.keys().filter(|name| !now.contains_key(*name));
    now.iter().filter(|(name, error)| before.get(*name) != Some(error)).map(|(name, _)| name).chain(gone).cloned()
}

fn became(error: Option<&String>) -> (Status, Vec<String>) {
    match error {
        None => (Status::Enabled, Vec::new()),
        Some(error) => (Status::Disabled, vec![error.clone()]),
    }
}

fn show(origin: &Name, info: &Loaded) -> CertificateInfo {
    CertificateInfo {
        origin: Arc::clone(origin),
        names: info.names.iter().map(|name| name.to_string()).collect(),
        common_name: info.common_name.to_string(),
        serial: info.serial.to_string(),
        issuer: info.issuer.to_string(),
        not_before: info.not_before,
        not_after: info.not_after,
    }
}
