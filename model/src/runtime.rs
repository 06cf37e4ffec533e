//! The state of the configuration: the objects that are served and the problems of the others. The API shows it.

use crate::config::{GeneratedCertificate, Objects, Router, RouterObservability, RouterTls, RuleSyntax, Service};
use crate::diagnostic::Diagnostic;
use crate::middleware::Middleware;
use crate::name::Name;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// The state of an object.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It is not served.
    Disabled,
    /// It is served.
    #[default]
    Enabled,
    /// It is served, but perhaps not as its owner expects.
    Warning,
}

/// The settings that a router inherits from its entry points. Many routers share one value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inherited {
    /// The entry points, known or not.
    pub entry_points: Vec<Name>,
    /// Those of them that exist and serve it.
    pub using: Vec<Name>,
    /// The rule syntax of routers that name none, where one is configured.
    pub rule_syntax: Option<RuleSyntax>,
    /// TLS of routers that have none of their own.
    pub tls: Option<RouterTls>,
    /// Middlewares before a router's own.
    pub middlewares: Vec<Name>,
    /// Observability settings, each for routers that do not set it.
    pub observability: RouterObservability,
}

impl Inherited {
    /// Returns a router as it is served, and as the API shows it.
    #[must_use]
    pub fn apply(&self, router: &Router) -> Router {
        let own = router.observability.clone().unwrap_or_default();
        let given = &self.observability;
        let is_child = !router.parent_refs.is_empty();
        let observability = RouterObservability {
            access_logs: own.access_logs.or(given.access_logs).or(Some(true)),
            metrics: own.metrics.or(given.metrics).or(Some(true)),
            tracing: own.tracing.or(given.tracing).or(Some(true)),
            trace_verbosity: Some(own.trace_verbosity.or(given.trace_verbosity).unwrap_or_default()),
            metadata: own.metadata,
        };
        Router {
            entry_points: self.entry_points.clone(),
            middlewares: self.middlewares.iter().chain(&router.middlewares).cloned().collect(),
            service: Arc::clone(&router.service),
            rule: router.rule.clone(),
            rule_syntax: router.rule_syntax.or(self.rule_syntax),
            priority: if self.using.is_empty() && !is_child { router.priority } else { router.effective_priority() },
            tls: router.tls.clone().or_else(|| self.tls.clone().map(Box::new)),
            // The records of a request are those of the router that took it from the entry point.
            observability: if is_child { router.observability.clone() } else { Some(observability) },
            parent_refs: router.parent_refs.clone(),
            created: router.created,
            path: router.path,
        }
    }
}

/// A router and its state.
#[derive(Clone, Debug)]
pub struct RouterInfo {
    /// Its configuration, as its provider has it.
    pub router: Arc<Router>,
    /// The settings inherited from its entry points.
    pub inherited: Arc<Inherited>,
    /// Its state.
    pub status: Status,
    /// Its problems.
    pub errors: Vec<String>,
    /// True if its service and its middlewares were looked up.
    pub looked_up: bool,
}

impl RouterInfo {
    /// Returns its configuration with what it inherits.
    #[must_use]
    pub fn effective(&self) -> Router {
        self.inherited.apply(&self.router)
    }

    /// Returns its TLS settings, inherited ones included, if they name a certificate resolver.
    #[must_use]
    pub fn resolving(&self) -> Option<&RouterTls> {
        let tls = self.router.tls.as_deref().or(self.inherited.tls.as_ref());
        tls.filter(|tls| !tls.cert_resolver.is_empty())
    }

    /// Returns its middlewares, inherited ones first.
    pub fn middlewares(&self) -> impl Iterator<Item = &Name> {
        self.inherited.middlewares.iter().chain(&self.router.middlewares)
    }
}

impl Serialize for RouterInfo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            #[serde(flatten)]
            router: Router,
            status: Status,
            #[serde(rename = "error", skip_serializing_if = "<[_]>::is_empty")]
            errors: &'a [String],
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            using: &'a [Name],
        }
        let (errors, using) = (&self.errors, &self.inherited.using);
        Shown { router: self.effective(), status: self.status, errors, using }.serialize(serializer)
    }
}

/// A service and its state. The state of servers is live and added by the API.
#[derive(Clone, Debug, Serialize)]
pub struct ServiceInfo {
    /// Its configuration.
    #[serde(flatten)]
    pub service: Arc<Service>,
    /// Its state.
    pub status: Status,
    /// Its problems.
    #[serde(rename = "error", skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
}

/// A middleware and its state.
#[derive(Clone, Debug, Serialize)]
pub struct MiddlewareInfo {
    /// Its configuration.
    #[serde(flatten, serialize_with = "kind")]
    pub middleware: Arc<Middleware>,
    /// Its state.
    pub status: Status,
    /// Its problems.
    #[serde(rename = "error", skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
}

/// Serializes the kind and options of a middleware; an invalid object has none.
fn kind<S: Serializer>(middleware: &Arc<Middleware>, serializer: S) -> Result<S::Ok, S::Error> {
    match &**middleware {
        Middleware::Absent(_) | Middleware::Invalid(_) => serializer.serialize_map(Some(0))?.end(),
        middleware => middleware.serialize(serializer),
    }
}

/// A certificate that is served.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateInfo {
    /// The origin: `namespace-secret`.
    pub origin: Name,
    /// Its names, sorted.
    pub names: Vec<String>,
    /// The subject's common name.
    pub common_name: String,
    /// Serial number in decimal.
    pub serial: String,
    /// The issuer's common name.
    pub issuer: String,
    /// The start of validity, in seconds since 1970.
    pub not_before: i64,
    /// The end of validity, in seconds since 1970.
    pub not_after: i64,
}

/// The live states of the servers that are checked.
pub trait ServerStates: fmt::Debug + Send + Sync {
    /// The servers of a service, by its qualified name, that are checked: URL, and true if it is up. Empty if none is.
    fn servers(&self, service: &str) -> Vec<(String, bool)>;
}

/// Everything that is served at one moment, by qualified name (`name@provider`).
///
/// The routers that use a service or a middleware are not kept: the API derives them from the routers.
#[derive(Clone, Debug, Default)]
pub struct Runtime {
    /// HTTP routers.
    pub routers: Objects<RouterInfo>,
    /// The routers among them that name a certificate resolver.
    pub resolving: Objects<RouterInfo>,
    /// HTTP services.
    pub services: Objects<ServiceInfo>,
    /// HTTP middlewares.
    pub middlewares: Objects<MiddlewareInfo>,
    /// The default certificate that a certificate resolver is asked for.
    pub default_certificate: Option<GeneratedCertificate>,
    /// Certificates.
    pub certificates: Arc<[Arc<CertificateInfo>]>,
    /// Findings about the sources and about the objects made of them.
    pub diagnostics: Vec<Diagnostic>,
    /// The live states of servers; without it all are up.
    pub servers: Option<Arc<dyn ServerStates>>,
}
