//! Objects of all providers, found by qualified name.

use flow_model::config::{Config, ServersTransport, Service, Source, TlsOptions, precedence};
use flow_model::middleware::Middleware;
use flow_model::name::Name;
use std::sync::Arc;

/// All providers at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lookup<'a>(pub(super) &'a [Source]);

impl<'a> Lookup<'a> {
    /// The precedence of a provider's routers.
    pub(super) fn precedence(self, provider: &str) -> u32 {
        let source = self.0.iter().find(|source| &*source.provider == provider);
        source.map_or(precedence::LAST, |source| source.precedence)
    }

    fn config(self, qualified: &str) -> Option<(&'a Config, &str)> {
        let (name, provider) = qualified.rsplit_once('@')?;
        let source = self.0.iter().find(|source| &*source.provider == provider)?;
        Some((&source.config, name))
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
    pub(super) fn tls_options(self, qualified: &str) -> Option<&'a Arc<TlsOptions>> {
        if qualified == super::tls_options::DEFAULT {
            let mut found = self.0.iter().filter_map(|source| source.config.tls_options.get(qualified));
            return found.next().filter(|_| found.next().is_none());
        }
        // The default options have no provider's name: as in Traefik, `default@kubernetescrd` does not exist.
        let (config, name) = self.config(qualified).filter(|(_, name)| *name != super::tls_options::DEFAULT)?;
        config.tls_options.get(name)
    }
}

/// An object that another was made from. While all of these are unchanged, the other need not be made again.
#[derive(Clone, Debug)]
pub(super) enum Dependency {
    Middleware(Name, Option<Arc<Middleware>>),
    Service(Name, Option<Arc<Service>>),
    TlsOptions(Name, Option<Arc<TlsOptions>>),
    Transport(Name, Option<Arc<ServersTransport>>),
}

/// An object by its kind and qualified name.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) enum ObjectRef {
    Middleware(Name),
    Service(Name),
    TlsOptions(Name),
    Transport(Name),
}

impl Dependency {
    /// The object's kind and name.
    pub(super) fn object(&self) -> ObjectRef {
        match self {
            Self::Middleware(name, _) => ObjectRef::Middleware(Name::clone(name)),
            Self::Service(name, _) => ObjectRef::Service(Name::clone(name)),
            Self::TlsOptions(name, _) => ObjectRef::TlsOptions(Name::clone(name)),
            Self::Transport(name, _) => ObjectRef::Transport(Name::clone(name)),
        }
    }

    /// True if the object is unchanged.
    pub(super) fn holds(&self, lookup: Lookup<'_>) -> bool {
        match self {
            Self::Middleware(name, was) => same(was.as_ref(), lookup.middleware(name)),
            Self::Service(name, was) => same(was.as_ref(), lookup.service(name)),
            Self::TlsOptions(name, was) => same(was.as_ref(), lookup.tls_options(name)),
            Self::Transport(name, was) => same(was.as_ref(), lookup.transport(name)),
        }
    }
}

fn same<T>(was: Option<&Arc<T>>, is: Option<&Arc<T>>) -> bool {
    match (was, is) {
        (Some(was), Some(is)) => Arc::ptr_eq(was, is),
        (None, None) => true,
        _ => false,
    }
}
