use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Asks for a user and a password.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BasicAuth {
    /// The Secret: a single key with htpasswd lines, or type kubernetes.io/basic-auth.
    pub secret: String,
    /// The realm; traefik where empty.
    pub realm: String,
    /// The Authorization header is not sent on.
    pub remove_header: bool,
    /// Header that tells the backend the user.
    pub header_field: String,
}

/// Asks for a user and a password by digests.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DigestAuth {
    /// The Secret: a single key with htdigest lines.
    pub secret: String,
    /// The realm; traefik where empty.
    pub realm: String,
    /// The Authorization header is not sent on.
    pub remove_header: bool,
    /// Header that tells the backend the user.
    pub header_field: String,
}

/// Asks a server whether a request may pass.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ForwardAuth {
    /// URL of the server.
    pub address: String,
    /// Whether X-Forwarded headers of the request are kept.
    pub trust_forward_header: Option<bool>,
    /// Headers of its answer that the backend gets.
    pub auth_response_headers: Vec<String>,
    /// The same by a regular expression on their names.
    pub auth_response_headers_regex: String,
    /// Headers of the request that it gets; all where empty.
    pub auth_request_headers: Vec<String>,
    /// How it is reached over TLS.
    pub tls: Option<ForwardAuthTls>,
    /// The longest body of its answer, in bytes.
    pub max_response_body_size: Option<i64>,
    /// Cookies of its answer that the client gets.
    pub add_auth_cookies_to_response: Vec<String>,
    /// Header of its answer that holds the user, for the access log.
    pub header_field: String,
    /// It gets the request's body too.
    pub forward_body: bool,
    /// The longest body that is sent to it, in bytes.
    pub max_body_size: Option<i64>,
    /// A relative Location of its answer stays as it is.
    pub preserve_location_header: bool,
    /// It is asked with the request's method instead of GET.
    pub preserve_request_method: bool,
    /// Where a 401 of it sends the client.
    #[serde(rename = "authSigninURL")]
    pub auth_signin_url: String,
}

/// TLS towards the server that is asked.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ForwardAuthTls {
    /// Secret with the authorities, under `tls.ca` or `ca.crt`.
    pub ca_secret: String,
    /// Secret with the client certificate, under `tls.crt` and `tls.key`.
    pub cert_secret: String,
    /// The server's certificate is not verified.
    pub insecure_skip_verify: bool,
    /// Accepted without effect.
    pub ca_optional: Option<bool>,
}

/// TLS towards a server.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClientTls {
    /// Secret with the authorities, under `tls.ca` or `ca.crt`.
    pub ca_secret: String,
    /// Secret with the client certificate, under `tls.crt` and `tls.key`.
    pub cert_secret: String,
    /// The server's certificate is not verified.
    pub insecure_skip_verify: bool,
}
