//! What became of the configuration: which objects are served and what is wrong with the others. The API shows it.

use crate::config::{Objects, Router, RouterObservability, RouterTls, RuleSyntax, Service};
use crate::diagnostic::Diagnostic;
use crate::middleware::Middleware;
use crate::name::Name;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use std::sync::Arc;

/// What became of an object.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It is not served.
    Disabled,
    /// It is served.
    #[default]
    Enabled,
    /// It is served, but not as its owner may think.
    Warning,
}

/// What a router gets from the entry points that it is on. Many routers share one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inherited {
    /// The entry points, known or not.
    pub entry_points: Vec<Name>,
    /// Those of them that serve it.
    pub using: Vec<Name>,
    /// The rule syntax of routers that name none, where one is configured.
    pub rule_syntax: Option<RuleSyntax>,
    /// TLS of routers that have none of their own.
    pub tls: Option<RouterTls>,
    /// Middlewares before a router's own.
    pub middlewares: Vec<Name>,
    /// What is recorded where a router does not say.
    pub observability: RouterObservability,
}

impl Inherited {
    /// A router as it is served, and as the API shows it.
    #[must_use]
    pub fn settle(&self, router: &Router) -> Router {
        let own = router.observability.clone().unwrap_or_default();
        let given = &self.observability;
        Router {
            entry_points: self.entry_points.clone(),
            middlewares: self.middlewares.iter().chain(&router.middlewares).cloned().collect(),
            service: Arc::clone(&router.service),
            rule: router.rule.clone(),
            rule_syntax: router.rule_syntax.or(self.rule_syntax),
            priority: match router.priority {
                0 if self.using.is_empty() => 0,
                0 => i64::try_from(router.rule.len()).unwrap_or(i64::MAX),
                priority => priority,
            },
            tls: router.tls.clone().or_else(|| self.tls.clone().map(Box::new)),
            observability: Some(RouterObservability {
                access_logs: own.access_logs.or(given.access_logs).or(Some(true)),
                metrics: own.metrics.or(given.metrics).or(Some(true)),
                tracing: own.tracing.or(given.tracing).or(Some(true)),
                trace_verbosity: Some(own.trace_verbosity.or(given.trace_verbosity).unwrap_or_default()),
                metadata: own.metadata,
            }),
            created: router.created,
            path: router.path,
        }
    }
}

/// A router and what became of it.
#[derive(Clone, Debug)]
pub struct RouterInfo {
    /// Its configuration, as its provider has it.
    pub router: Arc<Router>,
    /// What its entry points add to that.
    pub inherited: Arc<Inherited>,
    /// What became of it.
    pub status: Status,
    /// What is wrong.
    pub errors: Vec<String>,
    /// Its service and its middlewares were looked for.
    pub looked_up: bool,
}

impl RouterInfo {
    /// Its configuration, entry points settled.
    #[must_use]
    pub fn settled(&self) -> Router {
        self.inherited.settle(&self.router)
    }

    /// Its TLS, entry points settled, where that names a certificate resolver.
    #[must_use]
    pub fn resolving(&self) -> Option<&RouterTls> {
        let tls = self.router.tls.as_deref().or(self.inherited.tls.as_ref());
        tls.filter(|tls| !tls.cert_resolver.is_empty())
    }

    /// Its middlewares, entry points settled.
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
        Shown { router: self.settled(), status: self.status, errors, using }.serialize(serializer)
    }
}

/// A service and what became of it. Servers' state is live and added by the API.
#[derive(Clone, Debug, Serialize)]
pub struct ServiceInfo {
    /// Its configuration.
    #[serde(flatten)]
    pub service: Arc<Service>,
    /// What became of it.
    pub status: Status,
    /// What is wrong.
    #[serde(rename = "error", skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
}

/// A middleware and what became of it.
#[derive(Clone, Debug, Serialize)]
pub struct MiddlewareInfo {
    /// Its configuration.
    #[serde(flatten, serialize_with = "kind")]
    pub middleware: Arc<Middleware>,
    /// What became of it.
    pub status: Status,
    /// What is wrong.
    #[serde(rename = "error", skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
}

/// What a middleware is; an object that cannot hold is nothing.
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
    /// Where it comes from: `namespace-secret`.
    pub origin: Name,
    /// Its names, sorted.
    pub names: Vec<String>,
    /// The subject's common name.
    pub common_name: String,
    /// Serial number in decimal.
    pub serial: String,
    /// The issuer's common name.
    pub issuer: String,
    /// Seconds since 1970.
    pub not_before: i64,
    /// Seconds since 1970.
    pub not_after: i64,
}

/// Everything that is served at one moment, by qualified name (`name@provider`).
///
/// Which routers use a service or a middleware is not kept: whoever shows it derives it from the routers.
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
    /// Certificates.
    pub certificates: Arc<[Arc<CertificateInfo>]>,
    /// What is wrong with the sources and with what was made of them.
    pub diagnostics: Vec<Diagnostic>,
}
