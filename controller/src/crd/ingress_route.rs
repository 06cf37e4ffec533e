//! IngressRoute: routers with Traefik's own rules.

use super::fields::shape;
use super::middleware::MiddlewareRef;
use super::service::LoadBalancerSpec;
use super::spec::{Named, Spec};
use super::tls_store::Domain;
use flow_model::config::Verbosity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::LazyLock;

/// Routers with Traefik's own rules.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IngressRouteSpec {
    /// The class: that of the option `ingressClass`.
    #[serde(default)]
    pub ingress_class_name: Option<Box<str>>,
    /// Entry points it listens on; the default ones where empty.
    #[serde(default)]
    pub entry_points: Vec<String>,
    /// The routers.
    pub routes: Vec<Route>,
    /// TLS settings; present if it serves TLS connections.
    #[serde(default)]
    pub tls: Option<Box<Tls>>,
    /// IngressRoutes whose routers pass requests on to these ones.
    #[serde(default)]
    pub parent_refs: Vec<ParentRef>,
}

impl Spec for IngressRouteSpec {
    const KIND: &'static str = "IngressRoute";
    const PLURAL: &'static str = "ingressroutes";

    fn named(&self) -> Vec<Named<'_>> {
        self.tls.iter().map(|tls| Named::Secret(&tls.secret_name)).collect()
    }

    fn fields() -> &'static Value {
        static FIELDS: LazyLock<Value> = LazyLock::new(shape::<IngressRouteSpec>);
        &FIELDS
    }
}

/// A router.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// The rule.
    #[serde(rename = "match")]
    pub rule: Box<str>,
    /// Rule, the only kind there is.
    #[serde(default)]
    pub kind: Option<RouteKind>,
    /// Higher wins; the length of the rule where zero.
    #[serde(default)]
    #[schemars(range(max = 9_223_372_036_854_775_000_i64))]
    pub priority: i64,
    /// The language of the rule: v3, or the deprecated v2.
    #[serde(default)]
    pub syntax: Box<str>,
    /// The services, by weight if there are several.
    #[serde(default)]
    pub services: Vec<LoadBalancerSpec>,
    /// Middlewares, in order.
    #[serde(default)]
    pub middlewares: Vec<MiddlewareRef>,
    /// The records of its requests.
    #[serde(default)]
    pub observability: Option<Observability>,
}

/// The kind of a route.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum RouteKind {
    /// A rule.
    Rule,
}

/// The records of a router's requests; as the entry point's settings say where absent.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Observability {
    /// Access log.
    pub access_logs: Option<bool>,
    /// Metrics.
    pub metrics: Option<bool>,
    /// Traces.
    pub tracing: Option<bool>,
    /// The number of spans of a trace.
    pub trace_verbosity: Option<Verbosity>,
}

/// TLS settings of routers.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Tls {
    /// A Secret with a certificate, in the same namespace.
    pub secret_name: Box<str>,
    /// A TLSOption.
    pub options: Option<TlsRef>,
    /// A TLSStore. Without effect: there is one store.
    pub store: Option<TlsRef>,
    /// A certificate resolver.
    pub cert_resolver: Box<str>,
    /// Names to ask the resolver for; those of the rule where empty.
    pub domains: Vec<Domain>,
}

/// A TLSOption or a TLSStore.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct TlsRef {
    /// Its name, or `name@provider`.
    pub name: Box<str>,
    /// Its namespace; the same where empty.
    #[serde(default)]
    pub namespace: Box<str>,
}

/// Another IngressRoute.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct ParentRef {
    /// Its name.
    pub name: Box<str>,
    /// Its namespace; the same where empty.
    #[serde(default)]
    pub namespace: Box<str>,
}
