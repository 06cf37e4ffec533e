use std::fmt;
use std::time::Duration;

/// A problem document (RFC 9457) as ACME uses it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Problem {
    /// HTTP status.
    pub status: u16,
    /// `urn:ietf:params:acme:error:…`
    pub kind: String,
    /// For people.
    pub detail: String,
    /// Which name and why, where the server says it.
    pub subproblems: Vec<(String, String)>,
    /// When to try again.
    pub retry_after: Option<Duration>,
}

impl Problem {
    /// Whether it is this kind of ACME error.
    #[must_use]
    pub fn is(&self, kind: &str) -> bool {
        self.kind.strip_prefix("urn:ietf:params:acme:error:") == Some(kind)
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

/// Why a certification authority did not do what it was asked.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CaError {
    /// Its answer cannot be understood.
    #[error("{0}")]
    Answer(String),
    /// It answered with an error that is no problem document.
    #[error("{status}: {text}")]
    Http {
        /// HTTP status.
        status: u16,
        /// The start of the body.
        text: String,
        /// When to try again.
        retry_after: Option<Duration>,
    },
    /// We have no key that can sign for the account.
    #[error("{0}")]
    Key(String),
    /// It says no.
    #[error("{0}")]
    Refused(Problem),
    /// It cannot be reached, or did not answer in time.
    #[error("{0}")]
    Unreachable(String),
}

impl CaError {
    /// Asking again with the same words is of no use: cert-manager's rule of 4xx, but for those that pass with time.
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
            Self::Answer(_) | Self::Http { .. } | Self::Unreachable(_) => false,
        }
    }

    /// When the server wants to be asked again.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(problem) => problem.retry_after,
            Self::Http { retry_after, .. } => *retry_after,
            Self::Answer(_) | Self::Key(_) | Self::Unreachable(_) => None,
        }
    }

    /// Every request to the server must wait, not this one alone.
    #[must_use]
    pub fn concerns_server(&self) -> bool {
        match self {
            Self::Refused(problem) => problem.status == 503,
            Self::Http { status, .. } => matches!(status, 429 | 503),
            Self::Unreachable(_) => true,
            Self::Answer(_) | Self::Key(_) => false,
        }
    }

    /// The problem document, if it is one of this kind.
    #[must_use]
    pub fn is(&self, kind: &str) -> bool {
        matches!(self, Self::Refused(problem) if problem.is(kind))
    }

    /// One word, for metrics.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::Answer(_) => "answer",
            Self::Http { .. } => "http",
            Self::Key(_) => "key",
            Self::Refused(problem) => problem.kind.rsplit(':').next().unwrap_or("refused"),
            Self::Unreachable(_) => "unreachable",
        }
    }
}
