//! Services, compiled when the first router needs them and kept while everything they were made from is unchanged.

use super::objects::HttpDependency;
use super::shared_steps::SharedSteps;
use super::steps::{NamedStep, SharedParts, StepBuilder};
use crate::compile::lookup::{Dependency as _, Lookup};
use crate::compile::names::ByName;
use crate::forward::{OutboundProxies, Transport, Tunnels};
use crate::metrics::{Metrics, Series};
use crate::service::{Check, Child, HealthTable, Probe, Probes, Resolve, Service};
use flow_middleware::Chain;
use flow_model::config::ServersTransport;
use flow_model::diagnostic::{Diagnostic, Subject, causes};
use flow_model::name::{Name, provider, qualify};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use tokio::runtime::Handle;

/// The name of the transport that a service uses if it names none.
pub(super) const DEFAULT_TRANSPORT: &str = "default@internal";

/// All services in use.
#[derive(Debug)]
pub(super) struct Services {
    default_transport: Arc<ServersTransport>,
    tunnels: Tunnels,
    proxies: Arc<OutboundProxies>,
    transports: ByName<(Arc<ServersTransport>, Arc<Transport>)>,
    made: ByName<Made>,
    /// Options of services that have no effect.
    ineffective: BTreeMap<Name, Vec<String>>,
    probes: Probes,
    health: Arc<HealthTable>,
    /// Metrics, if they are on.
    metrics: Option<Arc<Metrics>>,
    /// Those that other services use, with their own middlewares.
    children: ByName<MadeChild>,
    /// The middlewares that routers and services share.
    steps: SharedSteps,
}

#[derive(Debug)]
struct Made {
    service: Result<Arc<Service>, Unmade>,
    /// The last valid one, whose state is taken over.
    last: Option<Arc<Service>>,
    dependencies: Vec<HttpDependency>,
}

#[derive(Debug)]
struct MadeChild {
    child: Arc<Child>,
    steps: Vec<NamedStep>,
    /// Its counters, which must outlive a change of the routers that lead there.
    _series: Option<Arc<Series>>,
}

/// The number of services that may be nested. A request runs through as many futures, and a compilation through as many
/// calls.
const MAX_DEPTH: usize = 64;

/// The reason why a service cannot be made.
#[derive(Clone, Debug, thiserror::Error)]
enum Unmade {
    /// It belongs or refers to a ring of services; this is the ring's first by name, so that the error does not depend
    /// on where the ring was entered.
    #[error("the service \"{0}\" holds itself")]
    Ring(Name),
    /// More services than may be are nested.
    #[error("more than {MAX_DEPTH} services are nested")]
    Deep,
    #[error("{0}")]
    Other(String),
}

impl Services {
    /// No services yet. Health checks will run on `checks`, and `health` will tell of their results.
    pub(super) fn new(
        default_transport: Arc<ServersTransport>,
        tunnels: Tunnels,
        proxies: Arc<OutboundProxies>,
        checks: Option<Handle>,
        health: Arc<HealthTable>,
        metrics: Option<Arc<Metrics>>,
    ) -> Self {
        Self {
            default_transport,
            tunnels,
            proxies,
            transports: ByName::default(),
            made: ByName::default(),
            ineffective: BTreeMap::new(),
            probes: Probes::new(checks),
            health,
            metrics,
            children: ByName::default(),
            steps: SharedSteps::default(),
        }
    }

    /// The service of this qualified name; adds the objects it was made from to `dependencies`. The error is for its
    /// owner.
    pub(super) fn service(
        &mut self,
        name: &Name,
        lookup: Lookup<'_>,
        dependencies: &mut Vec<HttpDependency>,
    ) -> Result<Arc<Service>, String> {
        self.find(name, lookup, dependencies, &mut Vec::new()).map_err(|why| why.to_string())
    }

    /// The service's own copy of `name`, so that copies of a router share it.
    pub(super) fn shared(&self, name: Name) -> Name {
        self.made.get_key_value(&name).map_or(name, |(known, _)| Arc::clone(known))
    }

    fn find(
        &mut self,
        name: &Name,
        lookup: Lookup<'_>,
        dependencies: &mut Vec<HttpDependency>,
        path: &mut Vec<Name>,
    ) -> Result<Arc<Service>, Unmade> {
        if let Some(at) = path.iter().position(|above| above == name) {
            let ring = path.get(at..).unwrap_or_default();
            // A change of any of them may open the ring.
            let member = |name: &Name| HttpDependency::Service(Arc::clone(name), lookup.service(name).cloned());
            dependencies.extend(ring.iter().map(member));
            return Err(Unmade::Ring(Arc::clone(ring.iter().min().unwrap_or(name))));
        }
        if let Some(made) = self.made.get(name)
            && made.dependencies.iter().all(|d| d.holds(lookup))
        {
            dependencies.extend_from_slice(&made.dependencies);
            return match &made.service {
                Ok(service) if path.len() + service.depth() > MAX_DEPTH => Err(Unmade::Deep),
                service => service.clone(),
            };
        }
        if path.len() >= MAX_DEPTH {
            return Err(Unmade::Deep);
        }
        // One copy of the name, so that a look at the address tells most names apart.
        let name = &self.shared(Arc::clone(name));
        let mut from = vec![HttpDependency::Service(Arc::clone(name), lookup.service(name).cloned())];
        let last = self.made.get(name).and_then(|made| made.last.clone());
        path.push(Arc::clone(name));
        let service = self.make(name, lookup, &mut from, last.as_ref(), path);
        path.pop();
        only_once(&mut from);
        dependencies.extend_from_slice(&from);
        if let Err(Unmade::Deep) = &service {
            // It holds for this way here; another router may reach it by a shorter one.
            return service;
        }
        self.note(name, service.as_ref().ok());
        let last = service.as_ref().ok().cloned().or(last);
        self.made.insert(Arc::clone(name), Made { service: service.clone(), last, dependencies: from });
        service
    }

    /// The service as another one uses it.
    fn child(
        &mut self,
        name: &Name,
        lookup: Lookup<'_>,
        dependencies: &mut Vec<HttpDependency>,
        path: &mut Vec<Name>,
    ) -> Result<Arc<Child>, Unmade> {
        let service = self.find(name, lookup, dependencies, path)?;
        let last = self.children.remove(name);
        let mut steps = Vec::new();
        // A middleware of the service may ask a service that uses this one.
        path.push(Arc::clone(name));
        let mut builder = StepBuilder {
            lookup,
            shared: &mut Within { services: self, path },
            old: last.as_ref().map_or(&[], |last| &last.steps),
            dependencies,
            built: &mut steps,
        };
        let members = service.config().middlewares.iter();
        let members = members.map(|member| builder.step(&qualify(member, provider(name))));
        let members = members.collect::<Result<Vec<_>, _>>().map_err(|error| Unmade::Other(causes(&error)));
        path.pop();
        let members = match members {
            Ok(members) => members,
            Err(error) => {
                // The counters of its other middlewares live on until this one is mended.
                self.children.extend(last.map(|last| (Arc::clone(name), last)));
                return Err(error);
            }
        };
        let series = self.metrics.as_ref().and_then(|metrics| metrics.service(Arc::clone(service.name())));
        let child = match last {
            Some(last) if Arc::ptr_eq(last.child.service(), &service) && same_steps(&last.steps, &steps) => last.child,
            _ => Arc::new(Child::new(service, Chain::new(members))),
        };
        self.children.insert(Arc::clone(name), MadeChild { child: Arc::clone(&child), steps, _series: series });
        Ok(child)
    }

    fn make(
        &mut self,
        name: &Name,
        lookup: Lookup<'_>,
        from: &mut Vec<HttpDependency>,
        last: Option<&Arc<Service>>,
        path: &mut Vec<Name>,
    ) -> Result<Arc<Service>, Unmade> {
        let Some(config) = lookup.service(name) else {
            let why = match name.split('@').next() {
                Some("") => "no service is named".to_owned(),
                _ => format!("the service \"{name}\" does not exist"),
            };
            return Err(Unmade::Other(why));
        };
        let mut parts = Parts { services: self, of: provider(name), lookup, from, path, error: None };
        let made = Service::compile(name, config, &mut parts, last);
        match (parts.error, made) {
            (Some(error), _) => Err(error),
            (None, Ok(service)) => Ok(service),
            (None, Err(error)) => Err(Unmade::Other(format!("building HTTP service \"{name}\": {}", causes(&error)))),
        }
    }

    fn transport(
        &mut self,
        name: &str,
        of: &str,
        lookup: Lookup<'_>,
        from: &mut Vec<HttpDependency>,
    ) -> Result<Arc<Transport>, String> {
        let is_default = name.is_empty() || name == DEFAULT_TRANSPORT;
        let name = if is_default { Name::from(DEFAULT_TRANSPORT) } else { qualify(name, of) };
        let config = if is_default {
            Arc::clone(&self.default_transport)
        } else {
            let config = lookup.transport(&name).cloned();
            from.push(HttpDependency::Transport(Arc::clone(&name), config.clone()));
            config.ok_or_else(|| format!("the servers transport \"{name}\" does not exist"))?
        };
        if let Some((made_from, transport)) = self.transports.get(&name)
            && Arc::ptr_eq(made_from, &config)
        {
            return Ok(Arc::clone(transport));
        }
        let transport = Transport::compile(&config, &self.tunnels, &self.proxies)
            .map_err(|error| format!("the servers transport \"{name}\" cannot be used: {}", causes(&error)))?;
        self.transports.insert(name, (config, Arc::clone(&transport)));
        Ok(transport)
    }

    /// Notes what is to be told of a service as it is from now on; `None` if it is not served.
    fn note(&mut self, name: &Name, service: Option<&Arc<Service>>) {
        let found = service.map(|service| service.ineffective()).unwrap_or_default();
        if found.is_empty() {
            self.ineffective.remove(name);
        } else {
            self.ineffective.insert(Arc::clone(name), found);
        }
        match service {
            Some(service) => self.health.insert(service),
            None => self.health.remove(name),
        }
    }

    /// The findings about services that are served, and about the transports that they use.
    pub(super) fn findings(&self) -> impl Iterator<Item = Diagnostic> {
        let services = self.ineffective.iter().map(|(name, found)| ("service", name, found.as_slice()));
        let transports = self.transports.iter().map(|(name, (_, made))| ("ServersTransport", name, made.findings()));
        services.chain(transports).flat_map(|(kind, name, found)| {
            let subject = move || Subject::new(kind, "", Arc::clone(name));
            found.iter().map(move |message| Diagnostic::warning(subject(), message.clone()))
        })
    }

    /// Removes services that no router uses any more.
    pub(super) fn sweep<'a>(&mut self, unused: impl Iterator<Item = &'a Name>) {
        for name in unused {
            self.made.remove(name);
            self.children.remove(name);
            self.note(name, None);
        }
        self.probes.sweep();
        self.transports.retain(|name, (_, transport)| &**name == DEFAULT_TRANSPORT || Arc::strong_count(transport) > 1);
    }
}

/// Services, for a middleware of one that is being made.
struct Within<'a> {
    services: &'a mut Services,
    path: &'a mut Vec<Name>,
}

impl SharedParts for Within<'_> {
    fn child(
        &mut self,
        name: &Name,
        lookup: Lookup<'_>,
        dependencies: &mut Vec<HttpDependency>,
    ) -> Result<Arc<Child>, String> {
        self.services.child(name, lookup, dependencies, self.path).map_err(|why| why.to_string())
    }

    fn shared_steps(&mut self) -> &mut SharedSteps {
        &mut self.services.steps
    }
}

impl SharedParts for Services {
    fn child(
        &mut self,
        name: &Name,
        lookup: Lookup<'_>,
        dependencies: &mut Vec<HttpDependency>,
    ) -> Result<Arc<Child>, String> {
        Within { services: self, path: &mut Vec::new() }.child(name, lookup, dependencies)
    }

    fn shared_steps(&mut self) -> &mut SharedSteps {
        &mut self.steps
    }
}

/// Leaves out what is there twice: services may share the services that they refer to, at any depth.
fn only_once(dependencies: &mut Vec<HttpDependency>) {
    if dependencies.len() > 2 {
        let mut seen = HashSet::new();
        dependencies.retain(|dependency| seen.insert(dependency.object()));
    }
}

fn same_steps(before: &[NamedStep], now: &[NamedStep]) -> bool {
    before.len() == now.len() && before.iter().zip(now).all(|((_, _, a), (_, _, b))| Arc::ptr_eq(a, b))
}

/// Finds the objects that a service refers to, and records them.
struct Parts<'a, 'b> {
    services: &'a mut Services,
    /// The provider of the referring service.
    of: &'a str,
    lookup: Lookup<'b>,
    from: &'a mut Vec<HttpDependency>,
    /// The services being made, each for the one before.
    path: &'a mut Vec<Name>,
    /// The reason why something was not found, if there is a more specific one.
    error: Option<Unmade>,
}

impl Parts<'_, '_> {
    fn keep<T>(&mut self, found: Result<T, Unmade>) -> Option<T> {
        found.map_err(|error| self.error = Some(error)).ok()
    }
}

impl Resolve for Parts<'_, '_> {
    fn service(&mut self, name: &str) -> Option<Arc<Child>> {
        let found = self.services.child(&qualify(name, self.of), self.lookup, self.from, self.path);
        let found = found.map_err(|why| match why {
            Unmade::Ring(_) | Unmade::Deep => why,
            Unmade::Other(error) => Unmade::Other(format!("building HTTP service \"{name}\": {error}")),
        });
        self.keep(found)
    }

    fn probe(&mut self, server: &str, check: &Arc<Check>, transport: &Arc<Transport>) -> Arc<Probe> {
        self.services.probes.probe(server, check, transport)
    }

    fn transport(&mut self, name: &str) -> Option<Arc<Transport>> {
        let found = self.services.transport(name, self.of, self.lookup, self.from);
        self.keep(found.map_err(Unmade::Other))
    }
}
