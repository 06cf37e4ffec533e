use super::RuleError;
use super::error::RuleProblem;
use super::regexp;
use ipnet::IpNet;
use regex::Regex;

/// A condition on a request, or on whatever `M` tests. `!` before a group has already been pushed down to its matchers.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr<M = Matcher> {
    /// Every part holds.
    All(Vec<Self>),
    /// At least one part holds.
    Any(Vec<Self>),
    /// The matcher matches.
    Is(M),
    /// The matcher does not match.
    IsNot(M),
}

impl<M> Expr<M> {
    /// Returns the opposite, by De Morgan's laws.
    #[must_use]
    pub fn negate(self) -> Self {
        match self {
            Self::All(parts) => Self::Any(parts.into_iter().map(Self::negate).collect()),
            Self::Any(parts) => Self::All(parts.into_iter().map(Self::negate).collect()),
            Self::Is(matcher) => Self::IsNot(matcher),
            Self::IsNot(matcher) => Self::Is(matcher),
        }
    }
}

/// A test of one property of a request. Matchers of both syntaxes become these.
#[derive(Clone, Debug, PartialEq)]
pub enum Matcher {
    /// The peer's address lies in the network.
    ClientIp(IpNet),
    /// The first value of a query parameter matches the whole pattern (version 2).
    FirstQuery {
        /// The parameter, decoded.
        key: String,
        /// Anchored on both sides.
        pattern: Pattern,
    },
    /// A value of the header equals the text.
    Header {
        /// The header's name as written.
        name: String,
        /// Compared byte by byte.
        value: String,
    },
    /// A value of the header matches.
    HeaderRegexp {
        /// The header's name as written.
        name: String,
        /// Unanchored.
        pattern: Pattern,
    },
    /// The request's host, without port and trailing dot.
    Host(HostPattern),
    /// The request's host, lower-cased and without port (version 3).
    HostRegexp(Pattern),
    /// The request's host by a template, anchored, any case (version 2).
    HostTemplate(Pattern),
    /// The method, in upper case in the rule; the request's is taken as it came.
    Method(String),
    /// The routing path equals the text.
    Path(String),
    /// The routing path starts with the text, not necessarily at a boundary between segments.
    PathPrefix(String),
    /// The routing path matches.
    PathRegexp(Pattern),
    /// A value of the query parameter equals the text.
    Query {
        /// The parameter, decoded.
        key: String,
        /// The value, decoded; empty where the rule gives none.
        value: String,
    },
    /// A value of the query parameter matches.
    QueryRegexp {
        /// The parameter, decoded.
        key: String,
        /// Unanchored.
        pattern: Pattern,
    },
}

/// The host that a `Host` matcher asks for; lower case, without a trailing dot.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum HostPattern {
    /// Every request, also one without a host: `*`.
    Any,
    /// This host.
    Exact(String),
    /// Any first label followed by this text: `.example.com` for `*.example.com`.
    Wildcard(String),
}

impl HostPattern {
    /// Parses a pattern of version 3, where `*` means everything and `*.x` one label more than `x`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let text = Self::normal(text);
        match text.strip_prefix('*') {
            Some("") => Self::Any,
            Some(rest) => Self::Wildcard(rest.to_owned()),
            None => Self::Exact(text),
        }
    }

    /// Returns a pattern of version 2, which has no wildcards.
    #[must_use]
    pub fn exact(text: &str) -> Self {
        Self::Exact(Self::normal(text))
    }

    fn normal(text: &str) -> String {
        let mut text = text.to_ascii_lowercase();
        if text.len() > 1 && text.ends_with('.') {
            text.pop();
        }
        text
    }
}

/// A regular expression in Go's syntax, and its position in the rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pattern {
    /// The expression.
    pub text: String,
    /// The position in the rule, in bytes from 0.
    pub at: usize,
}

impl Pattern {
    /// Compiles the expression.
    ///
    /// # Errors
    /// If the expression is not valid.
    pub fn compile(&self) -> Result<Regex, RuleError> {
        regexp::compile(&self.text).map_err(|reason| {
            RuleError::new(self.at, RuleProblem::Regexp { pattern: self.text.clone(), reason: reason.to_string() })
        })
    }
}
