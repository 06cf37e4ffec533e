//! Dynamic configuration, as providers produce it and as Traefik's API shows it (same field names).

mod router;
mod service;
mod source;
mod tls;
mod transport;

pub use router::{
    Domain, IngressMetadata, Metadata, PathOrder, Router, RouterObservability, RouterTls, RuleSyntax, Verbosity,
};
pub use service::{
    ChildHealth, Cookie, Failover, FailoverErrors, HealthCheck, HealthCheckMode, HighestRandomWeight, LoadBalancer,
    Mirror, Mirroring, PassiveHealthCheck, ResponseForwarding, Server, Service, ServiceKind, Sticky, Strategy,
    Weighted, WeightedService,
};
pub use source::{Source, precedence};
pub use tls::{Certificate, ClientAuth, ClientAuthType, GeneratedCertificate, TlsOptions, TlsStore};
pub use transport::{ForwardingTimeouts, ServersTransport, Spiffe};

use crate::diagnostic::Diagnostic;
use crate::middleware::Middleware;
use crate::persistent_map::NameMap;
use std::sync::Arc;

/// Objects of one kind by name. Each is shared, so an unchanged object keeps its identity; so does most of the map.
pub type Objects<T> = NameMap<Arc<T>>;

/// The configuration that one provider makes of its sources at one moment. Names carry no `@provider`; references may.
///
/// A provider keeps the `Arc` of every object that did not change: the data plane compares by identity first.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// HTTP routers.
    pub routers: Objects<Router>,
    /// HTTP services.
    pub services: Objects<Service>,
    /// HTTP middlewares.
    pub middlewares: Objects<Middleware>,
    /// Transports: the settings of connections to backends.
    pub servers_transports: Objects<ServersTransport>,
    /// TLS options; the one named `default` applies where a router names none.
    pub tls_options: Objects<TlsOptions>,
    /// TLS stores; only `default` is used.
    pub tls_stores: Objects<TlsStore>,
    /// Certificates for every TLS entry point, in the order in which the provider wants them tried.
    pub certificates: Vec<Arc<Certificate>>,
    /// Findings about the sources.
    pub diagnostics: Vec<Diagnostic>,
}
