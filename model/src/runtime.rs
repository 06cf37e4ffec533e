//! What became of the configuration: which objects are served and what is wrong with the others. The API shows it.

use crate::config::{Objects, Router, Service};
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

/// A router and what became of it.
#[derive(Clone, Debug, Serialize)]
pub struct RouterInfo {
    /// Its configuration, entry points settled.
    #[serde(flatten)]
    pub router: Arc<Router>,
    /// What became of it.
    pub status: Status,
    /// What is wrong.
    #[serde(rename = "error", skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
    /// The entry points that serve it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub using: Vec<Name>,
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
        Middleware::Invalid(_) => serializer.serialize_map(Some(0))?.end(),
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
    /// HTTP services.
    pub services: Objects<ServiceInfo>,
    /// HTTP middlewares.
    pub middlewares: Objects<MiddlewareInfo>,
    /// Certificates.
    pub certificates: Vec<Arc<CertificateInfo>>,
    /// What is wrong with the sources and with what was made of them.
    pub diagnostics: Vec<Diagnostic>,
}
