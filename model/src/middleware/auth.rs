use serde::{Deserialize, Serialize};
use std::fmt;

/// Asks for a user and a password (RFC 7617).
#[derive(Clone, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BasicAuth {
    /// `user:hash`, the hash as htpasswd writes it: bcrypt, MD5-crypt (`$apr1$`, `$1$`), `{SHA}`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
    /// The realm; empty is `traefik`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub realm: String,
    /// True if `Authorization` is not sent on.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub remove_header: bool,
    /// The header that tells the backend the user.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub header_field: String,
}

impl fmt::Debug for BasicAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BasicAuth")
            .field("users", &self.users.len())
            .field("realm", &self.realm)
            .finish_non_exhaustive()
    }
}

/// Asks for a user and a password by digests (RFC 7616).
#[derive(Clone, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DigestAuth {
    /// `user:realm:hash`, the hash as htdigest writes it: MD5 of user, realm and password.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
    /// True if `Authorization` is not sent on.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub remove_header: bool,
    /// The realm; empty is `traefik`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub realm: String,
    /// The header that tells the backend the user.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub header_field: String,
}

impl fmt::Debug for DigestAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DigestAuth")
            .field("users", &self.users.len())
            .field("realm", &self.realm)
            .finish_non_exhaustive()
    }
}

/// Asks a server whether a request may pass.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ForwardAuth {
    /// URL of the server.
    pub address: String,
    /// The TLS settings of connections to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<ClientTls>,
    /// Keep `X-Forwarded-*` of the request; `None`, true and false differ (Traefik 3.7).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust_forward_header: Option<bool>,
    /// Headers of its response that the backend gets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub auth_response_headers: Vec<String>,
    /// The same by a regular expression on their names.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub auth_response_headers_regex: String,
    /// Headers of the request that it gets; empty means all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub auth_request_headers: Vec<String>,
    /// Cookies of its response that the client gets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub add_auth_cookies_to_response: Vec<String>,
    /// The header of its response that holds the user, for the access log.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub header_field: String,
    /// True if it gets the request's body too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub forward_body: bool,
    /// The longest body that is sent to it, in bytes; `None` or -1 is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_body_size: Option<i64>,
    /// The longest body of its response, in bytes; `None` or -1 is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_response_body_size: Option<i64>,
    /// True if a relative `Location` of its response stays as it is.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub preserve_location_header: bool,
    /// True if it is asked with the request's method instead of GET.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub preserve_request_method: bool,
    /// The URL to which a 401 of it redirects the client (302).
    #[serde(rename = "authSigninURL", skip_serializing_if = "String::is_empty")]
    pub auth_signin_url: String,
}

/// TLS towards a server, with everything resolved to PEM.
#[derive(Clone, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClientTls {
    /// Authorities in PEM; empty means the system's.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ca: String,
    /// Client certificate in PEM.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cert: String,
    /// Its key in PEM; never shown.
    #[serde(skip_serializing)]
    pub key: String,
    /// True if the server's certificate is not verified.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub insecure_skip_verify: bool,
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls").field("insecure_skip_verify", &self.insecure_skip_verify).finish_non_exhaustive()
    }
}
