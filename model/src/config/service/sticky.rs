//! Clients that stay with the server or service that they got.

use crate::is_default;
use serde::{Deserialize, Serialize};
use sha1::{Digest as _, Sha1};

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
    #[serde(default = "root", skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// `Domain`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub domain: String,
}

fn root() -> Option<String> {
    Some("/".to_owned())
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
