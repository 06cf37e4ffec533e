//! Turns a middleware's specification into the middleware.

use crate::basic_auth::BasicAuth;
use crate::chain::Chain;
use crate::compress::Compress;
use crate::forward_auth::ForwardAuth;
use crate::headers::Headers;
use crate::ip_allow_list::IpAllowList;
use crate::middleware::Middleware;
use crate::rate_limit::RateLimit;
use crate::redirect::{RedirectRegex, RedirectScheme};
use crate::rewrite::{AddPrefix, ReplacePath, ReplacePathRegex, StripPrefix, StripPrefixRegex};
use flow_model::middleware::Middleware as Spec;
use flow_model::name::Name;
use flow_model::rule::regexp::RegexpError;
use std::sync::Arc;

/// The reason why a specification is invalid. A router that uses it is disabled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MiddlewareError {
    /// The authentication server's address is not a URL.
    #[error("{0:?} is not an http or https URL")]
    Address(String),
    /// The default encoding is not among the enabled ones.
    #[error("defaultEncoding is none of the encodings")]
    DefaultEncoding,
    /// Only one of them may be set.
    #[error("{0} exclude each other")]
    Exclusive(&'static str),
    /// Not a valid header name.
    #[error("{0:?} is not a header's name")]
    HeaderName(String),
    /// Not a valid header value.
    #[error("{0:?} is not a header's value")]
    HeaderValue(String),
    /// The provider already found it invalid.
    #[error("{0}")]
    Invalid(String),
    /// A content type is malformed.
    #[error("{0:?} is not a content type")]
    MediaType(String),
    /// A member of a chain is missing or wrong.
    #[error("{member} of the chain: {reason}")]
    Member {
        /// The member as the chain refers to it.
        member: Name,
        /// The member's error.
        reason: String,
    },
    /// A field that must be set is not.
    #[error("{field} is missing or empty")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// Neither an address nor a network.
    #[error("{0:?} is neither an address nor a network")]
    Network(String),
    /// The middleware would do nothing.
    #[error("no option is set")]
    NothingSet,
    /// A regular expression is invalid.
    #[error("{pattern:?} is not a regular expression")]
    Pattern {
        /// The expression.
        pattern: String,
        /// The parser's error.
        #[source]
        source: RegexpError,
    },
    /// A status that HTTP does not define.
    #[error("{0} is not a status code")]
    Status(u16),
    /// A prefix length that no IPv6 network has.
    #[error("ipv6Subnet {0} is not between 1 and 128")]
    Subnet(u8),
    /// A user of `basicAuth` is malformed. Hashes are not shown.
    #[error("a user is not written user:hash")]
    User,
}

/// Finds the objects that a specification names, for [`compile`]. Names are as written in it.
pub trait Resolve {
    /// The compiled member of a `chain`.
    ///
    /// # Errors
    /// If it does not exist, or is invalid itself.
    fn middleware(&mut self, name: &Name) -> Result<Arc<Middleware>, MiddlewareError>;
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
        Spec::Chain(spec) => {
            let members = spec.middlewares.iter().map(|member| resolve.middleware(member));
            let members = members.collect::<Result<Vec<_>, _>>()?;
            Middleware::Chain(Chain::new(members))
        }
        Spec::Compress(spec) => Middleware::Compress(Compress::new(spec)?),
        Spec::ForwardAuth(spec) => Middleware::ForwardAuth(Box::new(ForwardAuth::new(spec, name)?)),
        Spec::Headers(spec) => Middleware::Headers(Box::new(Headers::new(spec)?)),
        Spec::Absent(reason) | Spec::Invalid(reason) => return Err(MiddlewareError::Invalid(reason.clone())),
        Spec::IpAllowList(spec) | Spec::IpWhiteList(spec) => Middleware::IpAllowList(IpAllowList::new(spec)?),
        Spec::RateLimit(spec) => Middleware::RateLimit(RateLimit::new(spec)?),
        Spec::RedirectRegex(spec) => Middleware::RedirectRegex(RedirectRegex::new(spec)?),
        Spec::RedirectScheme(spec) => Middleware::RedirectScheme(RedirectScheme::new(spec)?),
        Spec::ReplacePath(spec) => Middleware::ReplacePath(ReplacePath::new(spec)),
        Spec::ReplacePathRegex(spec) => Middleware::ReplacePathRegex(ReplacePathRegex::new(spec)?),
        Spec::StripPrefix(spec) => Middleware::StripPrefix(StripPrefix::new(spec)),
        Spec::StripPrefixRegex(spec) => Middleware::StripPrefixRegex(StripPrefixRegex::new(spec)?),
    })
}
