//! The errors of specifications of middlewares.

use flow_model::name::Name;
use flow_model::rule::regexp::RegexpError;

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
    /// A condition is malformed.
    #[error(transparent)]
    Expression(#[from] ExpressionError),
    /// A user of `digestAuth` is malformed. Hashes are not shown.
    #[error("a user is not written user:realm:hash")]
    DigestUser,
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
    /// A number that must not be negative is.
    #[error("{0} is negative")]
    Negative(&'static str),
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
    /// The way to a Redis is malformed.
    #[error("redis: {0}")]
    Redis(String),
    /// Neither a status nor a range of statuses.
    #[error("{0:?} is neither a status nor a range such as 500-599")]
    Statuses(String),
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

/// The mistake in an expression, such as that of a circuit breaker: the position of its byte, and what was expected there.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expression, at {at}: {expected} is expected, such as {example}")]
pub struct ExpressionError {
    /// The byte, from zero.
    pub at: usize,
    /// The text that should be there.
    pub expected: &'static str,
    /// A right expression.
    pub example: &'static str,
}
