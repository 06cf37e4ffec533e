//! A second protocol, for tests only: the compiler's bookkeeping is not about HTTP.
//!
//! It is like TCP. A rule is `HostSNI` with one server name or `*`, and a service is a list of addresses. Of several
//! routers for one server name the first by name is served.
#![allow(clippy::unwrap_used, reason = "tests")]

mod property;

use super::entry_points::{EntryPoints, Found};
use super::lookup::{Dependency, Lookup, ObjectRef, same};
use super::names::ByName;
use super::protocol::{self, Built, Change, Instance, Protocol};
use flow_model::config::Objects;
use flow_model::name::{Name, provider, qualify};
use flow_model::runtime::Status;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// The configuration of one provider.
#[derive(Clone, Debug, Default)]
struct Config {
    routers: Objects<Router>,
    services: Objects<Service>,
}

#[derive(Clone, Debug)]
struct Router {
    rule: &'static str,
    service: Name,
    entry_points: Vec<Name>,
    tls: bool,
}

/// A service. Without addresses it cannot be built.
#[derive(Clone, Debug)]
struct Service {
    addresses: Vec<&'static str>,
}

/// The server name that a rule asks for; `*` is any.
type ServerName = Result<Name, String>;

struct Tcp {
    entry_points: EntryPoints,
    /// The routers that are shut out, with the one that has their server name.
    losers: ByName<Name>,
    /// The services in use.
    services: ByName<Arc<Service>>,
    /// The number of routers built so far.
    built: usize,
}

#[derive(Debug)]
struct Route {
    name: Name,
    server_name: Name,
    service: Arc<Service>,
    /// Connections that are open now.
    connections: Arc<AtomicUsize>,
}

#[derive(Clone, Debug, Default)]
struct Table(Vec<Arc<Route>>);

#[derive(Debug)]
struct Info {
    status: Status,
    errors: Vec<String>,
}

#[derive(Debug, Default)]
struct Listing {
    routers: BTreeMap<Name, Arc<Info>>,
    services: BTreeMap<Name, String>,
}

#[derive(Clone, Debug)]
struct BuiltFrom(Name, Option<Arc<Service>>);

struct Builder<'a> {
    tcp: &'a mut Tcp,
    lookup: Lookup<'a, Config>,
}

impl Tcp {
    fn new(entry_points: EntryPoints) -> Self {
        Self { entry_points, losers: ByName::default(), services: ByName::default(), built: 0 }
    }
}

impl Protocol for Tcp {
    type Config = Config;
    type Router = Router;
    type Rule = ServerName;
    type Decision = Name;
    type Dependency = BuiltFrom;
    type Info = Info;
    type Kept = Arc<AtomicUsize>;
    type Table = Table;
    type Listing = Listing;
    type Builder<'a> = Builder<'a>;

    const ROUTER_KIND: &'static str = "TCP router";

    fn routers(config: &Config) -> &Objects<Router> {
        &config.routers
    }

    fn changed_objects(before: &Config, now: &Config, provider: &str) -> Vec<ObjectRef> {
        let changed = now.services.changed_since(&before.services).into_iter();
        changed.map(|name| ObjectRef::Service(qualify(name, provider))).collect()
    }

    fn read_rule(&self, router: &Router, _: Option<(&Router, &ServerName)>) -> ServerName {
        let inner = router.rule.strip_prefix("HostSNI(`").and_then(|rest| rest.strip_suffix("`)"));
        inner.map(Name::from).ok_or_else(|| format!("no rule: {}", router.rule))
    }

    fn decide<'a>(
        &mut self,
        routers: impl Iterator<Item = (&'a Name, &'a Router, &'a ServerName)>,
        _: &Change<Router>,
        _: Lookup<'_, Config>,
    ) -> Vec<Name> {
        let routers: BTreeMap<_, _> = routers.map(|(name, _, rule)| (name, rule)).collect();
        let mut first = BTreeMap::new();
        let mut losers = ByName::default();
        for (name, server_name) in routers.into_iter().filter_map(|(name, rule)| Some((name, rule.as_ref().ok()?))) {
            let winner = *first.entry(server_name).or_insert(name);
            if winner != name {
                losers.insert(Arc::clone(name), Arc::clone(winner));
            }
        }
        let before = std::mem::replace(&mut self.losers, losers);
        let names = before.keys().chain(self.losers.keys());
        names.filter(|name| before.get(*name) != self.losers.get(*name)).cloned().collect()
    }

    fn builder<'a>(&'a mut self, lookup: Lookup<'a, Config>) -> Builder<'a> {
        Builder { tcp: self, lookup }
    }

    fn release(&mut self, unused: &[ObjectRef]) {
        for object in unused {
            if let ObjectRef::Service(name) = object {
                self.services.remove(name);
            }
        }
    }

    fn state(info: &Info) -> (Status, &[String]) {
        (info.status, &info.errors)
    }
}

impl protocol::Builder<Tcp> for Builder<'_> {
    fn decision(&self, router: &Name) -> Option<Name> {
        self.tcp.losers.get(router).cloned()
    }

    fn build(
        &mut self,
        name: &Name,
        router: &Arc<Router>,
        rule: &ServerName,
        decision: Option<&Name>,
        old: &[Instance<Tcp>],
    ) -> Built<Tcp> {
        self.tcp.built += 1;
        let Found { indexes, mut errors } =
            self.tcp.entry_points.find(self.tcp.entry_points.wanted(&router.entry_points));
        errors.extend(rule.as_ref().err().cloned());
        errors.extend(decision.map(|winner| format!("{winner} has its server name")));
        let service_name = qualify(&router.service, provider(name));
        let service = self.lookup.config(&service_name).and_then(|(config, name)| config.services.get(name));
        match service {
            Some(service) => self.tcp.services.insert(Arc::clone(&service_name), Arc::clone(service)),
            None => self.tcp.services.remove(&service_name),
        };
        let usable = service.filter(|service| !service.addresses.is_empty());
        let mut broken = Vec::new();
        if usable.is_none() {
            errors.push(format!("no service {service_name}"));
            broken.push((ObjectRef::Service(Arc::clone(&service_name)), "no addresses".to_owned()));
        }
        let connections = old.first().map_or_else(Arc::default, |old| Arc::clone(&old.kept));
        let route = usable.zip(rule.as_ref().ok()).filter(|_| decision.is_none() && !indexes.is_empty());
        let route = route.map(|(service, server_name)| {
            Arc::new(Route {
                name: Arc::clone(name),
                server_name: Arc::clone(server_name),
                service: Arc::clone(service),
                connections: Arc::clone(&connections),
            })
        });
        let status = match (&route, errors.is_empty()) {
            (None, _) => Status::Disabled,
            (Some(_), false) => Status::Warning,
            (Some(_), true) => Status::Enabled,
        };
        let instance = Instance {
            name: Arc::clone(name),
            entry_points: indexes,
            tls: router.tls,
            route,
            info: Arc::new(Info { status, errors }),
            kept: connections,
            broken: broken.into(),
        };
        Built { instances: Box::new([instance]), dependencies: vec![BuiltFrom(service_name, service.cloned())] }
    }
}

impl Dependency for BuiltFrom {
    type Config = Config;

    fn object(&self) -> ObjectRef {
        ObjectRef::Service(Arc::clone(&self.0))
    }

    fn holds(&self, lookup: Lookup<'_, Config>) -> bool {
        same(self.1.as_ref(), lookup.config(&self.0).and_then(|(config, name)| config.services.get(name)))
    }
}

impl protocol::Table for Table {
    type Route = Route;

    fn with(&self, gone: &[Arc<Route>], new: &[Arc<Route>]) -> Self {
        let stays = |route: &&Arc<Route>| !gone.iter().any(|gone| Arc::ptr_eq(gone, route));
        Self(self.0.iter().filter(stays).chain(new).cloned().collect())
    }
}

impl Table {
    /// The route of a connection: that of its server name, or the one for any.
    fn find(&self, server_name: &str) -> Option<&Arc<Route>> {
        let of = |wanted: &str| self.0.iter().find(|route| *route.server_name == *wanted);
        of(server_name).or_else(|| of("*"))
    }
}

impl protocol::Listing<Tcp> for Listing {
    fn insert_router(&mut self, name: &Name, info: &Arc<Info>) {
        self.routers.insert(Arc::clone(name), Arc::clone(info));
    }

    fn remove_router(&mut self, name: &Name, info: &Arc<Info>) {
        if self.routers.get(name).is_some_and(|shown| Arc::ptr_eq(shown, info)) {
            self.routers.remove(name);
        }
    }

    fn update_object(&mut self, object: ObjectRef, error: Option<&String>, lookup: Lookup<'_, Config>) {
        let ObjectRef::Service(name) = object else { return };
        match lookup.config(&name).and_then(|(config, name)| config.services.get(name)) {
            Some(service) => self.services.insert(name, format!("{:?} {error:?}", service.addresses)),
            None => self.services.remove(&name),
        };
    }
}
