use crate::duration::GoDuration;
use crate::is_default;
use crate::name::Name;
use serde::{Deserialize, Serialize};
use sha1::{Digest as _, Sha1};

/// A service: the destination of requests.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// Its kind.
    #[serde(flatten)]
    pub kind: ServiceKind,
    /// Middlewares between the router's own and the balancer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub middlewares: Vec<Name>,
}

/// The kinds of services.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ServiceKind {
    /// Servers.
    LoadBalancer(LoadBalancer),
    /// Other services by weight.
    Weighted(Weighted),
}

/// Servers behind one name.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LoadBalancer {
    /// The servers; none means 503.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<Server>,
    /// The way in which a server is chosen.
    pub strategy: Strategy,
    /// Stickiness: clients stay with the server they got.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sticky: Option<Box<Sticky>>,
    /// True if the client's Host is sent on.
    pub pass_host_header: bool,
    /// The flush interval. Kept for Traefik's API: here every frame is sent on at once.
    pub response_forwarding: ResponseForwarding,
    /// The name of the transport, as the provider refers to it; empty is the default transport.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub servers_transport: Name,
}

impl Default for LoadBalancer {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            strategy: Strategy::Wrr,
            sticky: None,
            pass_host_header: true,
            response_forwarding: ResponseForwarding::default(),
            servers_transport: Name::default(),
        }
    }
}

/// One server of a load balancer.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Server {
    /// `scheme://host:port`; schemes http, https, h2c.
    pub url: String,
    /// Its weight; `None` is 1, zero or less takes it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<i32>,
    /// True if the URL's path is put before the request's.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub preserve_path: bool,
    /// True if it is going away: only clients that stick to it still get it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub fenced: bool,
}

/// The way in which a server is chosen.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// Weighted round robin.
    #[default]
    Wrr,
}

/// The flushing of what the server sends.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResponseForwarding {
    /// The longest time that a byte waits.
    pub flush_interval: GoDuration,
}

impl Default for ResponseForwarding {
    fn default() -> Self {
        Self { flush_interval: GoDuration::from_millis(100) }
    }
}

/// Stickiness: clients stay with the server they got.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(default)]
pub struct Sticky {
    /// The cookie that holds the choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie: Option<Cookie>,
}

/// The cookie of a sticky service.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Cookie {
    /// Its name; empty means one made from the service's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// `Secure`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub secure: bool,
    /// `HttpOnly`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub http_only: bool,
    /// `SameSite` as the user wrote it: `lax`, `none` or `strict` in any case; anything else leaves it out.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub same_site: String,
    /// `Max-Age` in seconds: zero leaves it out, less is sent as `Max-Age=0`.
    #[serde(skip_serializing_if = "is_default")]
    pub max_age: i64,
    /// `Path`; `None` is `/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// `Domain`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub domain: String,
}

impl Cookie {
    /// Returns the name of the cookie of `service`, a qualified name: the configured one in characters of a token, else
    /// one made from the service's name.
    #[must_use]
    pub fn name_of(&self, service: &str) -> String {
        if self.name.is_empty() {
            let hash = Sha1::digest(format!("_TRAEFIK_BACKEND_{service}"));
            return hash.iter().take(3).fold("_".to_owned(), |name, byte| format!("{name}{byte:02x}"))[..6].to_owned();
        }
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^`|~".contains(c);
        self.name.chars().map(|c| if is_token(c) { c } else { '_' }).collect()
    }
}

/// Other services by weight.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Weighted {
    /// The services.
    pub services: Vec<WeightedService>,
    /// Stickiness: clients stay with the service they got.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sticky: Option<Box<Sticky>>,
}

/// One service of a weighted one.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(default)]
pub struct WeightedService {
    /// Its name, as the provider refers to it.
    pub name: Name,
    /// Its weight; `None` is 1, zero or less takes it out.
    pub weight: Option<i32>,
}
