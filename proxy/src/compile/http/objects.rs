//! The objects that routers of HTTP are built from.

use super::tls_options::DEFAULT;
use crate::compile::lookup::{Dependency, Lookup, ObjectRef, same};
use flow_model::config::{Config, Router, ServersTransport, Service, TlsOptions};
use flow_model::middleware::Middleware;
use flow_model::name::Name;
use std::sync::Arc;

impl<'a> Lookup<'a> {
    pub(super) fn router(self, qualified: &str) -> Option<&'a Arc<Router>> {
        let (config, name) = self.config(qualified)?;
        config.routers.get(name)
    }

    pub(super) fn middleware(self, qualified: &str) -> Option<&'a Arc<Middleware>> {
        let (config, name) = self.config(qualified)?;
        config.middlewares.get(name)
    }

    pub(super) fn service(self, qualified: &str) -> Option<&'a Arc<Service>> {
        let (config, name) = self.config(qualified)?;
        config.services.get(name)
    }

    pub(super) fn transport(self, qualified: &str) -> Option<&'a Arc<ServersTransport>> {
        let (config, name) = self.config(qualified)?;
        config.servers_transports.get(name)
    }

    /// Finds TLS options. `default` may come from any provider; defined by more than one it is missing, as in Traefik.
    pub(in crate::compile) fn tls_options(self, qualified: &str) -> Option<&'a Arc<TlsOptions>> {
        if qualified == DEFAULT {
            let mut found = self.0.iter().filter_map(|source| source.config.tls_options.get(qualified));
            return found.next().filter(|_| found.next().is_none());
        }
        // The default options have no provider's name: as in Traefik, `default@kubernetescrd` does not exist.
        let (config, name) = self.config(qualified).filter(|(_, name)| *name != DEFAULT)?;
        config.tls_options.get(name)
    }
}

/// An object that a router of HTTP was built from.
#[derive(Clone, Debug)]
pub(in crate::compile) enum HttpDependency {
    Middleware(Name, Option<Arc<Middleware>>),
    Service(Name, Option<Arc<Service>>),
    TlsOptions(Name, Option<Arc<TlsOptions>>),
    Transport(Name, Option<Arc<ServersTransport>>),
}

impl Dependency for HttpDependency {
    type Config = Config;

    fn object(&self) -> ObjectRef {
        match self {
            Self::Middleware(name, _) => ObjectRef::Middleware(Name::clone(name)),
            Self::Service(name, _) => ObjectRef::Service(Name::clone(name)),
            Self::TlsOptions(name, _) => ObjectRef::TlsOptions(Name::clone(name)),
            Self::Transport(name, _) => ObjectRef::Transport(Name::clone(name)),
        }
    }

    fn holds(&self, lookup: Lookup<'_>) -> bool {
        match self {
            Self::Middleware(name, was) => same(was.as_ref(), lookup.middleware(name)),
            Self::Service(name, was) => same(was.as_ref(), lookup.service(name)),
            Self::TlsOptions(name, was) => same(was.as_ref(), lookup.tls_options(name)),
            Self::Transport(name, was) => same(was.as_ref(), lookup.transport(name)),
        }
    }
}
