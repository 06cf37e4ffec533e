//! Middlewares as they are configured: fields, names and defaults as in Traefik's dynamic configuration.

mod auth;
mod buffering;
mod circuit_breaker;
mod compress;
mod content_type;
mod encoded_characters;
mod errors;
mod grpc_web;
mod header_fields;
mod headers;
mod limit;
mod pass_tls_client_cert;
mod path;
pub mod plugin;
mod redirect;
mod retry;

pub use auth::{BasicAuth, ClientTls, DigestAuth, ForwardAuth};
pub use buffering::Buffering;
pub use circuit_breaker::CircuitBreaker;
pub use compress::{Compress, Encoding};
pub use content_type::ContentType;
pub use encoded_characters::EncodedCharacters;
pub use errors::ErrorPage;
pub use grpc_web::GrpcWeb;
pub use header_fields::HeaderFields;
pub use headers::Headers;
pub use limit::{InFlightReq, IpAllowList, IpStrategy, RateLimit, Redis, SourceCriterion};
pub use pass_tls_client_cert::{ClientCertInfo, IssuerInfo, PassTlsClientCert, SubjectInfo};
pub use path::{AddPrefix, ReplacePath, ReplacePathRegex, StripPrefix, StripPrefixRegex};
pub use redirect::{RedirectRegex, RedirectScheme};
pub use retry::Retry;

use crate::name::Name;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One middleware: exactly one kind, written `{"kind": {…}}`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Middleware {
    /// An object from which nothing could be made, such as one whose Secret is missing: routers that use it are
    /// disabled. The text is the reason. The API does not show it, as Traefik's does not.
    #[serde(skip)]
    Absent(String),
    /// Puts a prefix before the path.
    AddPrefix(AddPrefix),
    /// Asks for a user and a password.
    BasicAuth(BasicAuth),
    /// Reads whole bodies before they are sent on.
    Buffering(Buffering),
    /// Runs others in order.
    Chain(Chain),
    /// Stops asking a service that fails.
    CircuitBreaker(CircuitBreaker),
    /// Compresses responses.
    Compress(Box<Compress>),
    /// Guesses the type of responses that have none.
    ContentType(ContentType),
    /// Asks for a user and a password by digests.
    DigestAuth(DigestAuth),
    /// Refuses requests with some percent-encoded characters in the path.
    EncodedCharacters(EncodedCharacters),
    /// Responds to errors with pages of another service.
    Errors(Box<ErrorPage>),
    /// Asks a server whether a request may pass.
    ForwardAuth(Box<ForwardAuth>),
    /// Translates gRPC-Web.
    GrpcWeb(GrpcWeb),
    /// Sets headers of requests and responses, responds to CORS preflights.
    Headers(Arc<Headers>),
    /// Limits the requests that are served at once.
    InFlightReq(InFlightReq),
    /// An object that is not valid: routers that use it are disabled. The text is the reason.
    #[serde(skip)]
    Invalid(String),
    /// Lets only some clients pass.
    IpAllowList(IpAllowList),
    /// The same under its old name.
    IpWhiteList(IpAllowList),
    /// Tells the backend the client's certificate.
    #[serde(rename = "passTLSClientCert")]
    PassTlsClientCert(PassTlsClientCert),
    /// Limits the rate of requests.
    RateLimit(Box<RateLimit>),
    /// Redirects by a regular expression on the URL.
    RedirectRegex(RedirectRegex),
    /// Redirects to another scheme.
    RedirectScheme(RedirectScheme),
    /// Replaces the path.
    ReplacePath(ReplacePath),
    /// Replaces the path by a regular expression.
    ReplacePathRegex(ReplacePathRegex),
    /// Asks again when a request fails.
    Retry(Retry),
    /// Takes a prefix off the path.
    StripPrefix(StripPrefix),
    /// Takes a prefix off the path by regular expressions.
    StripPrefixRegex(StripPrefixRegex),
}

/// Other middlewares in order.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Chain {
    /// As the provider refers to them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub middlewares: Vec<Name>,
}
