use std::fmt;
use std::time::Duration;

/// A problem document (RFC 9457) as ACME uses it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Problem {
    /// HTTP status.
    pub status: u16,
    /// `urn:ietf:params:acme:error:…`
    pub kind: String,
    /// Text for people.
    pub detail: String,
    /// The names concerned and the reason for each, where the server lists them.
    pub subproblems: Vec<(String, String)>,
    /// Time to wait before the next attempt (`Retry-After`).
    pub retry_after: Option<Duration>,
}

impl Problem {
    /// True if it is an ACME error of this kind.
    #[must_use]
    pub fn is(&self, kind: &str) -> bool {
        self.kind.strip_prefix(ACME_ERROR) == Some(kind)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status, self.kind, self.detail)?;
        for (name, detail) in &self.subproblems {
            write!(f, "; {name}: {detail}")?;
        }
        Ok(())
    }
}

/// The beginning of the kind of every problem of ACME (RFC 8555 §6.7).
const ACME_ERROR: &str = "urn:ietf:params:acme:error:";

/// Returns the HTTP status and the ACME error (`rateLimited`) of a [`Problem`] that was written into a text, such as
/// the reason of an Order.
#[must_use]
pub fn problem_in(text: &str) -> Option<(u16, &str)> {
    let (before, after) = text.split_once(ACME_ERROR)?;
    let end = after.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(after.len());
    let status = before.split_whitespace().next_back()?.parse().ok()?;
    Some((status, &after[..end]))
}

/// The reason for which a CA did not do what it was asked.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CaError {
    /// A response that cannot be understood.
    #[error("{0}")]
    Response(String),
    /// An error response that is not a problem document.
    #[error("{status}: {text}")]
    Http {
        /// HTTP status.
        status: u16,
        /// The start of the body.
        text: String,
        /// Time to wait before the next attempt (`Retry-After`).
        retry_after: Option<Duration>,
    },
    /// No key that can sign for the account, or no usable CA bundle.
    #[error("{0}")]
    Key(String),
    /// A refusal, with its problem document.
    #[error("{0}")]
    Refused(Problem),
    /// A server that cannot be reached, or did not respond in time.
    #[error("{0}")]
    Unreachable(String),
}

impl CaError {
    /// True if repeating the same request is useless: cert-manager's rule for 4xx, without those that pass with time.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            Self::Refused(problem) => {
                (400..500).contains(&problem.status)
                    && !matches!(problem.status, 408 | 425 | 429)
                    && !problem.is("rateLimited")
                    && !problem.is("badNonce")
            }
            Self::Key(_) => true,
            Self::Response(_) | Self::Http { .. } | Self::Unreachable(_) => false,
        }
    }

    /// Time that the server asks to wait before the next attempt.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(problem) => problem.retry_after,
            Self::Http { retry_after, .. } => *retry_after,
            Self::Response(_) | Self::Key(_) | Self::Unreachable(_) => None,
        }
    }

    /// True if every request to the server must wait, not only this one.
    #[must_use]
    pub fn concerns_server(&self) -> bool {
        match self {
            Self::Refused(problem) => problem.status == 503,
            Self::Http { status, .. } => *status == 503,
            Self::Unreachable(_) => true,
            Self::Response(_) | Self::Key(_) => false,
        }
    }

    /// True if it is a problem document of this kind.
    #[must_use]
    pub fn is(&self, kind: &str) -> bool {
        matches!(self, Self::Refused(problem) if problem.is(kind))
    }

    /// One word for metrics.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::Response(_) => "answer",
            Self::Http { .. } => "http",
            Self::Key(_) => "key",
            Self::Refused(problem) => problem.kind.rsplit(':').next().unwrap_or("refused"),
            Self::Unreachable(_) => "unreachable",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_found_in_the_texts_that_hold_it() {
        let problem = Problem { status: 429, kind: format!("{ACME_ERROR}rateLimited"), ..Problem::default() };
        for text in [problem.to_string(), format!("Failed to create Order: {problem}; a.test: too many")] {
            assert_eq!(problem_in(&text), Some((429, "rateLimited")), "{text}");
        }
        for text in ["", "503: try later", "the urn:ietf:params:acme:error:dns"] {
            assert_eq!(problem_in(text), None, "{text}");
        }
    }
}
