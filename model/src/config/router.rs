use crate::is_default;
use crate::name::Name;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A router: which requests, through which middlewares, to which service.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Router {
    /// Entry points it listens on; empty means the default ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entry_points: Vec<Name>,
    /// Middlewares in order, as the provider refers to them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub middlewares: Vec<Name>,
    /// The name of the service, as the provider refers to it; empty if requests go to routers below.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub service: Name,
    /// The routers that pass requests on to this one, as the provider refers to them; none if it is on entry points.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parent_refs: Vec<Name>,
    /// The rule's text: its byte length is the default priority.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub rule: String,
    /// The language of the rule; `None` is the installation's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_syntax: Option<RuleSyntax>,
    /// Higher wins; zero means the length of the rule.
    #[serde(skip_serializing_if = "is_default")]
    pub priority: i64,
    /// TLS settings; present if the router serves TLS connections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Box<RouterTls>>,
    /// The observability settings for its requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observability: Option<RouterObservability>,
    /// The creation time of the object behind it, in seconds since 1970; zero if unknown. Where two objects conflict
    /// the older one wins.
    #[serde(skip)]
    pub created: i64,
    /// The path that the rule asks for, if the provider knows it: routers are ordered by it.
    #[serde(skip)]
    pub path: PathOrder,
}

impl Router {
    /// Returns its priority, which is the length of its rule where it sets none (Traefik's default).
    #[must_use]
    pub fn effective_priority(&self) -> i64 {
        match self.priority {
            0 => i64::try_from(self.rule.len()).unwrap_or(i64::MAX),
            given => given,
        }
    }
}

/// The rank of a path in the order of routers: the longest first, and of the same length the exact one (Kubernetes,
/// "Multiple matches" of Ingress).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PathOrder {
    /// The number that is subtracted from the rule's length to get the default priority, so that `Path`, `PathPrefix`
    /// and a prefix that ends with a segment count the same. The API shows the rule's length, as Traefik does.
    pub discount: u16,
    /// The path's length in bytes.
    pub length: u16,
    /// True if the whole path of a request must be equal.
    pub exact: bool,
}

/// The language of a rule.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleSyntax {
    /// Traefik 3, independent of the installation's default; Traefik's own default router says so explicitly.
    Default,
    /// Traefik 2.
    V2,
    /// Traefik 3.
    #[default]
    V3,
}

/// TLS settings of a router.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RouterTls {
    /// Name of the TLS options; empty means `default`.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub options: Name,
    /// Name of the certificate resolver; empty means none.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub cert_resolver: Name,
    /// Domains to ask the resolver for; empty means those of the rule.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<Domain>,
}

/// A certificate's names.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(default)]
pub struct Domain {
    /// The first name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub main: String,
    /// The others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sans: Vec<String>,
}

/// The observability settings of a router; `None` inherits from the entry point.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RouterObservability {
    /// Access log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_logs: Option<bool>,
    /// Metrics.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<bool>,
    /// Tracing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracing: Option<bool>,
    /// The number of spans of a trace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_verbosity: Option<Verbosity>,
    /// The origin of the router.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
}

/// The number of spans of a trace.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Verbosity {
    /// Only the outer spans.
    #[default]
    Minimal,
    /// Also one span for each middleware.
    Detailed,
}

/// The origin of a router.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Metadata {
    /// The Ingress.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress: Option<Arc<IngressMetadata>>,
}

/// The Ingress and the backend that a router was made from.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IngressMetadata {
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub ingress_name: Name,
    /// The backend's Service.
    pub service_name: Name,
    /// The backend's port, number or name, as written.
    pub service_port: Name,
}
