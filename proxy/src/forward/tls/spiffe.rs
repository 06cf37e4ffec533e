//! SPIFFE identities (the SPIFFE ID specification, sections 2 and 2.1).

use std::str::FromStr;

/// The longest identity that a certificate may hold, in bytes.
const MAX_ID: usize = 2048;

/// An identity: `spiffe://trust.domain/path`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct SpiffeId {
    domain: TrustDomain,
    /// Empty, or with a slash at its start.
    path: Box<str>,
}

/// A trust domain: the part of an identity that its authorities vouch for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct TrustDomain(Box<str>);

/// The reason why a text is no identity or no trust domain.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SpiffeError {
    /// The trust domain has other characters than lower-case letters, digits, dots, hyphens and underscores, or none.
    #[error("a trust domain has lower-case letters, digits, dots, hyphens and underscores")]
    Domain,
    /// It has more than 2,048 bytes.
    #[error("longer than {MAX_ID} bytes")]
    Length,
    /// The path has an empty segment, a dot segment, a slash at its end or a character that may not be there.
    #[error(
        "a path has segments of letters, digits, dots, hyphens and underscores, and none of them is empty, . or .."
    )]
    Path,
    /// It does not begin with `spiffe://`.
    #[error("an identity begins with spiffe://")]
    Scheme,
}

impl SpiffeId {
    /// True if its authorities are those of `domain`.
    pub(super) fn is_in(&self, domain: &TrustDomain) -> bool {
        self.domain == *domain
    }
}

impl FromStr for SpiffeId {
    type Err = SpiffeError;

    fn from_str(text: &str) -> Result<Self, SpiffeError> {
        if text.len() > MAX_ID {
            return Err(SpiffeError::Length);
        }
        let rest = text.strip_prefix("spiffe://").ok_or(SpiffeError::Scheme)?;
        let (domain, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let domain = TrustDomain::named(domain)?;
        let of_segment = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let is_segment = |s: &str| !matches!(s, "" | "." | "..") && s.chars().all(of_segment);
        if !path.split('/').skip(1).all(is_segment) {
            return Err(SpiffeError::Path);
        }
        Ok(Self { domain, path: Box::from(path) })
    }
}

impl TrustDomain {
    fn named(name: &str) -> Result<Self, SpiffeError> {
        let of_domain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_');
        let is_domain = !name.is_empty() && name.chars().all(of_domain);
        if is_domain { Ok(Self(Box::from(name))) } else { Err(SpiffeError::Domain) }
    }
}

impl FromStr for TrustDomain {
    type Err = SpiffeError;

    /// Reads the name of a domain, or, as go-spiffe does, an identity in it.
    fn from_str(text: &str) -> Result<Self, SpiffeError> {
        if text.contains(":/") { text.parse().map(|id: SpiffeId| id.domain) } else { Self::named(text) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn identities_are_read_strictly() {
        for good in ["spiffe://a.test", "spiffe://a.test/ns/shop/sa/Web_1", "spiffe://a_b-1/x.y", "spiffe://a/.../..b"]
        {
            assert!(good.parse::<SpiffeId>().is_ok(), "{good}");
        }
        let long = format!("spiffe://a.test/{}", "x".repeat(2048));
        let cases = [
            ("", SpiffeError::Scheme),
            ("a.test/web", SpiffeError::Scheme),
            ("https://a.test/web", SpiffeError::Scheme),
            ("SPIFFE://a.test/web", SpiffeError::Scheme),
            ("spiffe://", SpiffeError::Domain),
            ("spiffe:///web", SpiffeError::Domain),
            ("spiffe://A.test/web", SpiffeError::Domain),
            ("spiffe://a.test:80/web", SpiffeError::Domain),
            ("spiffe://user@a.test/web", SpiffeError::Domain),
            ("spiffe://a.test?x", SpiffeError::Domain),
            ("spiffe://a.test/", SpiffeError::Path),
            ("spiffe://a.test/web/", SpiffeError::Path),
            ("spiffe://a.test//web", SpiffeError::Path),
            ("spiffe://a.test/./web", SpiffeError::Path),
            ("spiffe://a.test/../web", SpiffeError::Path),
            ("spiffe://a.test/web?x=1", SpiffeError::Path),
            ("spiffe://a.test/%77eb", SpiffeError::Path),
            ("spiffe://a.test/wéb", SpiffeError::Path),
            (&long, SpiffeError::Length),
        ];
        for (bad, error) in cases {
            assert_eq!(bad.parse::<SpiffeId>(), Err(error), "{bad}");
        }
    }

    #[test]
    fn a_domain_is_its_name_or_that_of_an_identity() {
        let domain: TrustDomain = "a.test".parse().unwrap();
        assert_eq!("spiffe://a.test/web".parse(), Ok(domain.clone()));
        for bad in ["", "a.test/web", "A.test", "https://a.test", "spiffe://"] {
            assert!(bad.parse::<TrustDomain>().is_err(), "{bad}");
        }
        let id = |text: &str| text.parse::<SpiffeId>().unwrap();
        assert!(id("spiffe://a.test/web").is_in(&domain));
        assert!(!id("spiffe://b.a.test/web").is_in(&domain));
        assert!(id("spiffe://a.test/web") != id("spiffe://a.test/Web"));
    }
}
