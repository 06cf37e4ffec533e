use flow_model::duration::GoDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Answers errors with pages of another service.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ErrorPage {
    /// Statuses and ranges of them.
    pub status: Vec<String>,
    /// Statuses that are told as others.
    pub status_rewrites: BTreeMap<String, u16>,
    /// The service that has the pages.
    pub service: Option<Service>,
    /// URL of a page, with {status}, {originalStatus} and {url}.
    pub query: String,
    /// Headers of the request that the service gets; all where absent.
    pub error_request_headers: Option<Vec<String>>,
}

/// A Service or a TraefikService.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Service, or TraefikService.
    #[serde(default)]
    #[schemars(extend("enum" = ["Service", "TraefikService"]))]
    pub kind: Option<String>,
    /// Its namespace.
    #[serde(default)]
    pub namespace: String,
    /// Its port, by number or name.
    #[serde(default)]
    #[schemars(schema_with = "int_or_string")]
    pub port: Option<serde_json::Value>,
    /// http, https or h2c.
    #[serde(default)]
    pub scheme: String,
    /// How a server is chosen.
    #[serde(default)]
    #[schemars(extend("enum" = ["wrr", "p2c", "hrw", "leasttime", "RoundRobin"]))]
    pub strategy: Option<String>,
    /// Its share.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub weight: Option<i64>,
    /// The client's Host is sent on.
    #[serde(default)]
    pub pass_host_header: Option<bool>,
    /// When what the server sends is flushed.
    #[serde(default)]
    pub response_forwarding: Option<ResponseForwarding>,
    /// How the servers are reached.
    #[serde(default)]
    pub servers_transport: String,
    /// Clients stay with the server they got.
    #[serde(default)]
    pub sticky: Option<Sticky>,
    /// The Service's own address is used.
    #[serde(default, rename = "nativeLB")]
    pub native_lb: Option<bool>,
    /// Addresses of the nodes are used.
    #[serde(default, rename = "nodePortLB")]
    pub node_port_lb: bool,
    /// How servers are checked.
    #[serde(default)]
    pub health_check: Option<HealthCheck>,
    /// How failing servers are noticed.
    #[serde(default)]
    pub passive_health_check: Option<PassiveHealthCheck>,
    /// Middlewares before it.
    #[serde(default)]
    pub middlewares: Vec<super::MiddlewareRef>,
}

/// When what the server sends is flushed.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResponseForwarding {
    /// The longest time that a byte waits.
    pub flush_interval: String,
}

/// Clients stay with the server they got.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Sticky {
    /// By a cookie.
    pub cookie: Option<Cookie>,
}

/// The cookie of a sticky service.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Cookie {
    /// Its name.
    pub name: String,
    /// Secure.
    pub secure: bool,
    /// HttpOnly.
    pub http_only: bool,
    /// SameSite.
    #[schemars(extend("enum" = ["none", "lax", "strict", "None", "Lax", "Strict"]))]
    pub same_site: Option<String>,
    /// Max-Age.
    pub max_age: i64,
    /// Path.
    pub path: Option<String>,
    /// Domain.
    pub domain: String,
}

/// How servers are checked.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HealthCheck {
    /// Scheme of the request.
    pub scheme: String,
    /// http or grpc.
    pub mode: String,
    /// Path of the request.
    pub path: String,
    /// Method of the request.
    pub method: String,
    /// Status expected.
    pub status: i64,
    /// Port, if another.
    pub port: i64,
    /// How often.
    pub interval: Option<GoDuration>,
    /// How often while it fails.
    pub unhealthy_interval: Option<GoDuration>,
    /// How long it may take.
    pub timeout: Option<GoDuration>,
    /// Host of the request.
    pub hostname: String,
    /// Redirections are followed.
    pub follow_redirects: Option<bool>,
    /// Headers of the request.
    pub headers: BTreeMap<String, String>,
}

/// How failing servers are noticed.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PassiveHealthCheck {
    /// Failures are counted for this long.
    pub failure_window: Option<GoDuration>,
    /// So many are too many.
    pub max_failed_attempts: Option<i64>,
}

fn int_or_string(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "x-kubernetes-int-or-string": true })
}
