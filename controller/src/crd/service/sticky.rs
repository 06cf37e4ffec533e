use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    /// Its name; made from the service's where empty.
    pub name: String,
    /// Secure.
    pub secure: bool,
    /// HttpOnly.
    pub http_only: bool,
    /// SameSite.
    #[schemars(extend("enum" = ["none", "lax", "strict", "None", "Lax", "Strict"]))]
    pub same_site: Option<String>,
    /// Max-Age, in seconds.
    pub max_age: i64,
    /// Path; / where absent.
    pub path: Option<String>,
    /// Domain.
    pub domain: String,
}
