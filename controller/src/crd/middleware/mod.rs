//! The Middleware object: every kind of Traefik's, so that users' objects are accepted whole.

mod auth;
mod errors;
mod limit;

pub use auth::{BasicAuth, ClientTls, DigestAuth, ForwardAuth, ForwardAuthTls};
pub use errors::ErrorPage;
pub use limit::{CircuitBreaker, InFlightReq, IpWhiteList, RateLimit, Redis, Retry};

use super::fields::shape;
use super::spec::{Named, Spec};
use flow_model::middleware::{
    AddPrefix, Buffering, Compress, ContentType, EncodedCharacters, GrpcWeb, Headers, IpAllowList, PassTlsClientCert,
    RedirectRegex, RedirectScheme, ReplacePath, ReplacePathRegex, StripPrefix, StripPrefixRegex,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

/// What may happen to a request and its answer: exactly one of these.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MiddlewareSpec {
    /// Puts a prefix before the path.
    pub add_prefix: Option<Box<AddPrefix>>,
    /// Takes a prefix off the path.
    pub strip_prefix: Option<Box<StripPrefix>>,
    /// Takes a prefix off the path by regular expressions.
    pub strip_prefix_regex: Option<Box<StripPrefixRegex>>,
    /// Replaces the path.
    pub replace_path: Option<Box<ReplacePath>>,
    /// Replaces the path by a regular expression.
    pub replace_path_regex: Option<Box<ReplacePathRegex>>,
    /// Runs others in order.
    pub chain: Option<Box<Chain>>,
    /// Deprecated: use ipAllowList.
    pub ip_white_list: Option<Box<IpWhiteList>>,
    /// Lets only some clients pass.
    pub ip_allow_list: Option<Box<IpAllowList>>,
    /// Sets headers of requests and answers, answers CORS preflights.
    pub headers: Option<Arc<Headers>>,
    /// Refuses paths with encoded characters that may be misread.
    pub encoded_characters: Option<Box<EncodedCharacters>>,
    /// Answers errors with pages of another service.
    pub errors: Option<Box<ErrorPage>>,
    /// Limits the rate of requests.
    pub rate_limit: Option<Box<RateLimit>>,
    /// Redirects by a regular expression on the URL.
    pub redirect_regex: Option<Box<RedirectRegex>>,
    /// Redirects to another scheme.
    pub redirect_scheme: Option<Box<RedirectScheme>>,
    /// Asks for a user and a password.
    pub basic_auth: Option<Box<BasicAuth>>,
    /// Asks for a user and a password by digests.
    pub digest_auth: Option<Box<DigestAuth>>,
    /// Asks a server whether a request may pass.
    pub forward_auth: Option<Box<ForwardAuth>>,
    /// Limits the requests that are served at once.
    pub in_flight_req: Option<Box<InFlightReq>>,
    /// Reads whole bodies before they are sent on.
    pub buffering: Option<Box<Buffering>>,
    /// Stops asking a backend that fails.
    pub circuit_breaker: Option<Box<CircuitBreaker>>,
    /// Compresses answers.
    pub compress: Option<Box<Compress>>,
    /// Tells the backend the client's certificate.
    #[serde(rename = "passTLSClientCert")]
    pub pass_tls_client_cert: Option<Box<PassTlsClientCert>>,
    /// Asks again when a request fails.
    pub retry: Option<Box<Retry>>,
    /// Guesses the type of answers that have none.
    pub content_type: Option<Box<ContentType>>,
    /// Translates gRPC-Web.
    pub grpc_web: Option<Box<GrpcWeb>>,
    /// Middlewares that are not part of the program.
    pub plugin: Option<Box<BTreeMap<String, Plugin>>>,
}

/// Options of a plugin, as it likes them.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(transparent)]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct Plugin(pub Value);

/// Runs others in order.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct Chain {
    /// The others.
    pub middlewares: Vec<MiddlewareRef>,
}

/// Another Middleware object.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct MiddlewareRef {
    /// Its name, or `name@provider`.
    pub name: String,
    /// Its namespace; the same where empty.
    #[serde(default)]
    pub namespace: String,
}

impl MiddlewareSpec {
    /// Returns the kinds that are set, by their field's name. One object is one middleware, so more than one is a
    /// mistake.
    #[must_use]
    pub fn kinds(&self) -> Vec<&'static str> {
        [
            ("addPrefix", self.add_prefix.is_some()),
            ("basicAuth", self.basic_auth.is_some()),
            ("buffering", self.buffering.is_some()),
            ("chain", self.chain.is_some()),
            ("circuitBreaker", self.circuit_breaker.is_some()),
            ("compress", self.compress.is_some()),
            ("contentType", self.content_type.is_some()),
            ("digestAuth", self.digest_auth.is_some()),
            ("encodedCharacters", self.encoded_characters.is_some()),
            ("errors", self.errors.is_some()),
            ("forwardAuth", self.forward_auth.is_some()),
            ("grpcWeb", self.grpc_web.is_some()),
            ("headers", self.headers.is_some()),
            ("inFlightReq", self.in_flight_req.is_some()),
            ("ipAllowList", self.ip_allow_list.is_some()),
            ("ipWhiteList", self.ip_white_list.is_some()),
            ("passTLSClientCert", self.pass_tls_client_cert.is_some()),
            ("plugin", self.plugin.is_some()),
            ("rateLimit", self.rate_limit.is_some()),
            ("redirectRegex", self.redirect_regex.is_some()),
            ("redirectScheme", self.redirect_scheme.is_some()),
            ("replacePath", self.replace_path.is_some()),
            ("replacePathRegex", self.replace_path_regex.is_some()),
            ("retry", self.retry.is_some()),
            ("stripPrefix", self.strip_prefix.is_some()),
            ("stripPrefixRegex", self.strip_prefix_regex.is_some()),
        ]
        .into_iter()
        .filter_map(|(kind, set)| set.then_some(kind))
        .collect()
    }
}

impl Spec for MiddlewareSpec {
    const KIND: &'static str = "Middleware";
    const PLURAL: &'static str = "middlewares";

    fn named(&self) -> Vec<Named<'_>> {
        let basic = self.basic_auth.iter().map(|auth| auth.secret.as_str());
        let digest = self.digest_auth.iter().map(|auth| auth.secret.as_str());
        let forward = self.forward_auth.iter().filter_map(|auth| auth.tls.as_ref());
        let forward = forward.flat_map(|tls| [tls.ca_secret.as_str(), tls.cert_secret.as_str()]);
        let redis = self.rate_limit.iter().filter_map(|limit| limit.redis.as_ref());
        let redis = redis.flat_map(|redis| {
            let tls = redis.tls.iter().flat_map(|tls| [tls.ca_secret.as_str(), tls.cert_secret.as_str()]);
            tls.chain([redis.secret.as_str()])
        });
        basic.chain(digest).chain(forward).chain(redis).map(Named::Secret).collect()
    }

    fn fields() -> &'static Value {
        static FIELDS: LazyLock<Value> = LazyLock::new(shape::<MiddlewareSpec>);
        &FIELDS
    }
}
