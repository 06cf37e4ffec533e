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
    /// The service, as the provider refers to it.
    pub service: Name,
    /// The rule's text: its byte length is the default priority.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub rule: String,
    /// The language of the rule; `None` is the default one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_syntax: Option<RuleSyntax>,
    /// Higher wins; zero means the length of the rule.
    #[serde(skip_serializing_if = "is_default")]
    pub priority: i64,
    /// Set where the router serves TLS connections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Box<RouterTls>>,
    /// What is recorded of its requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observability: Option<RouterObservability>,
    /// When the object behind it was created, in seconds since 1970; zero where that is not known. Of two that cannot
    /// both have what they want the elder has it.
    #[serde(skip)]
    pub created: i64,
    /// The path that the rule asks for, where the provider knows: the order of routers goes by it.
    #[serde(skip)]
    pub path: PathOrder,
}

/// What a path counts in the order of routers: the longest first, and of the same length the exact one (Kubernetes,
/// "Multiple matches" of Ingress).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PathOrder {
    /// How much less than the rule's length the router's default priority is, so that `Path`, `PathPrefix` and a prefix
    /// that ends with a segment count the same. What is shown is the rule's length, as in Traefik.
    pub discount: u16,
    /// The path's length in bytes.
    pub length: u16,
    /// The path is the whole one of a request.
    pub exact: bool,
}

/// The language of a rule.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleSyntax {
    /// Traefik 3, whatever the installation's default is; Traefik's own default router says so explicitly.
    Default,
    /// Traefik 2.
    V2,
    /// Traefik 3.
    #[default]
    V3,
}

/// TLS of a router.
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

/// What is recorded of a router's requests; `None` inherits from the entry point.
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
    /// How many spans a trace has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_verbosity: Option<Verbosity>,
    /// Where the router comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
}

/// How many spans a trace has.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verbosity {
    /// The outer ones.
    #[default]
    Minimal,
    /// Also one a middleware.
    Detailed,
}

/// Where a router comes from.
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
