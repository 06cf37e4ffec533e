//! Turns a middleware's specification into the middleware.

use crate::Service;
use crate::basic_auth::BasicAuth;
use crate::buffering::Buffering;
use crate::circuit_breaker::CircuitBreaker;
use crate::compress::Compress;
use crate::content_type::ContentType;
use crate::digest_auth::DigestAuth;
use crate::encoded_characters::EncodedCharacters;
use crate::error_page::ErrorPage;
use crate::forward_auth::ForwardAuth;
use crate::grpc_web::GrpcWeb;
use crate::headers::Headers;
use crate::in_flight::InFlightReq;
use crate::ip_allow_list::IpAllowList;
use crate::middleware::Middleware;
use crate::middleware_error::MiddlewareError;
use crate::pass_tls_client_cert::PassTlsClientCert;
use crate::rate_limit::RateLimit;
use crate::redirect::{RedirectRegex, RedirectScheme};
use crate::retry::Retry;
use crate::rewrite::{AddPrefix, ReplacePath, ReplacePathRegex, StripPrefix, StripPrefixRegex};
use flow_model::middleware::Middleware as Spec;
use flow_model::name::Name;
use std::sync::Arc;

/// Finds the objects that a specification names, for [`compile`]. Names are as written in it.
pub trait Resolve {
    /// The compiled member of a `chain`.
    ///
    /// # Errors
    /// If it does not exist, or is invalid itself.
    fn middleware(&mut self, name: &Name) -> Result<Arc<Middleware>, MiddlewareError>;

    /// A service that a middleware asks, with its own middlewares.
    ///
    /// # Errors
    /// If it does not exist, or is invalid itself.
    fn service(&mut self, name: &Name) -> Result<Arc<dyn Service>, MiddlewareError>;
}

/// Compiles `spec`, which is called `name` in the log.
///
/// Call it once for each router that uses the middleware, and keep the result while the specification is the same: it
/// holds state such as the buckets of `rateLimit` and the verified passwords of `basicAuth`.
///
/// # Errors
/// Any [`MiddlewareError`]: the specification is invalid, or a member of a chain is missing or invalid.
pub fn compile(spec: &Spec, name: &Name, resolve: &mut dyn Resolve) -> Result<Middleware, MiddlewareError> {
    Ok(match spec {
        Spec::AddPrefix(spec) => Middleware::AddPrefix(AddPrefix::new(spec)?),
        Spec::BasicAuth(spec) => Middleware::BasicAuth(Box::new(BasicAuth::new(spec)?)),
        Spec::Buffering(spec) => Middleware::Around(Arc::new(Buffering::new(spec, std::env::temp_dir())?)),
        Spec::Chain(spec) => {
            let members = spec.middlewares.iter().map(|member| resolve.middleware(member));
            Middleware::Chain(members.collect::<Result<_, _>>()?)
        }
        Spec::CircuitBreaker(spec) => Middleware::Around(Arc::new(CircuitBreaker::new(spec)?)),
        Spec::Compress(spec) => Middleware::Compress(Compress::new(spec)?),
        Spec::ContentType(spec) => Middleware::ContentType(ContentType::new(*spec)),
        Spec::DigestAuth(spec) => Middleware::DigestAuth(Box::new(DigestAuth::new(spec, fill)?)),
        Spec::EncodedCharacters(spec) => Middleware::EncodedCharacters(EncodedCharacters::new(*spec)),
        Spec::Errors(spec) => Middleware::Around(Arc::new(ErrorPage::new(spec, resolve.service(&spec.service)?)?)),
        Spec::ForwardAuth(spec) => Middleware::ForwardAuth(Box::new(ForwardAuth::new(spec, name)?)),
        Spec::GrpcWeb(spec) => Middleware::GrpcWeb(Box::new(GrpcWeb::new(spec))),
        Spec::Headers(spec) => Middleware::Headers(Box::new(Headers::new(spec)?)),
        Spec::Absent(reason) | Spec::Invalid(reason) => return Err(MiddlewareError::Invalid(reason.clone())),
        Spec::InFlightReq(spec) => Middleware::InFlightReq(InFlightReq::new(spec)?),
        Spec::IpAllowList(spec) | Spec::IpWhiteList(spec) => Middleware::IpAllowList(IpAllowList::new(spec)?),
        Spec::PassTlsClientCert(spec) => Middleware::PassTlsClientCert(Box::new(PassTlsClientCert::new(spec))),
        Spec::RateLimit(spec) => Middleware::RateLimit(RateLimit::new(spec, name)?),
        Spec::RedirectRegex(spec) => Middleware::RedirectRegex(RedirectRegex::new(spec)?),
        Spec::RedirectScheme(spec) => Middleware::RedirectScheme(RedirectScheme::new(spec)?),
        Spec::ReplacePath(spec) => Middleware::ReplacePath(ReplacePath::new(spec)),
        Spec::ReplacePathRegex(spec) => Middleware::ReplacePathRegex(ReplacePathRegex::new(spec)?),
        Spec::Retry(spec) => Middleware::Around(Arc::new(Retry::new(spec)?)),
        Spec::StripPrefix(spec) => Middleware::StripPrefix(StripPrefix::new(spec)),
        Spec::StripPrefixRegex(spec) => Middleware::StripPrefixRegex(StripPrefixRegex::new(spec)?),
    })
}

/// Fills `bytes` from the system's source of randomness, or as well as it goes without.
fn fill(bytes: &mut [u8]) {
    if getrandom::fill(bytes).is_err() {
        bytes.fill_with(|| fastrand::u8(..));
    }
}
