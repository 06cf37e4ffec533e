//! Challenges over HTTP and TLS: the table from which they are answered, and the probe that checks every replica.

pub mod probe;
mod responses;
mod table;

#[cfg(test)]
mod tests;

pub use table::ChallengeTable;

use crate::account;
use crate::names::CHALLENGE_TYPE;
use crate::objects::{ACME_GROUP, Challenge, Meta};
use crate::view::{Settings, View};
use std::fmt;

/// The reason of a Challenge for which no replica can be probed.
pub const NO_REPLICA: &str = "no replica is ready behind the proxy's Service";
/// The words before the name of the replica that failed the probe, in the reason of its Challenge.
pub const OF_REPLICA: &str = "(replica ";

/// The method that proves a name.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Method {
    /// A token over plain HTTP (RFC 8555 §8.3).
    Http01,
    /// A certificate over TLS (RFC 8737).
    TlsAlpn01,
    /// A TXT record that stays ([`crate::dns_persist`]).
    DnsPersist01,
}

impl Method {
    /// The method of a Challenge; `None` if it is not supported here.
    #[must_use]
    pub fn of(challenge: &Challenge) -> Option<Self> {
        let annotation = challenge.metadata.annotation(CHALLENGE_TYPE);
        match annotation.unwrap_or(&challenge.spec.kind) {
            "HTTP-01" => Some(Self::Http01),
            "TLS-ALPN-01" => Some(Self::TlsAlpn01),
            "DNS-PERSIST-01" => Some(Self::DnsPersist01),
            _ => None,
        }
    }

    /// The method that an issuer's annotation says; HTTP-01 without one.
    #[must_use]
    pub fn of_annotations(metadata: &Meta) -> Self {
        match metadata.annotation(CHALLENGE_TYPE) {
            Some("TLS-ALPN-01") => Self::TlsAlpn01,
            Some("DNS-PERSIST-01") => Self::DnsPersist01,
            _ => Self::Http01,
        }
    }

    /// The method's name in ACME.
    #[must_use]
    pub fn wire(self) -> &'static str {
        match self {
            Self::Http01 => "http-01",
            Self::TlsAlpn01 => "tls-alpn-01",
            Self::DnsPersist01 => "dns-persist-01",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http01 => "HTTP-01",
            Self::TlsAlpn01 => "TLS-ALPN-01",
            Self::DnsPersist01 => "DNS-PERSIST-01",
        })
    }
}

/// True if it is a valid token: base64url, and too long to be guessed (RFC 8555 §8.1).
#[must_use]
pub fn is_token(token: &str) -> bool {
    (22..=256).contains(&token.len()) && token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// True if a Challenge may be served. Otherwise anyone who can write Challenges could make the proxy serve any text
/// under another tenant's host, and so get a certificate for it. The key must be the token with the thumbprint of the
/// issuer's account, and the Challenge must belong to an existing Order.
#[must_use]
pub fn is_genuine(view: &View, settings: &Settings, challenge: &Challenge) -> bool {
    let spec = &challenge.spec;
    let Some(thumbprint) = account::thumbprint(view, settings, &spec.issuer_ref, &challenge.metadata.namespace) else {
        return false;
    };
    let group = format!("{ACME_GROUP}/");
    let ordered = challenge.metadata.owner_references.iter().any(|owner| {
        owner.kind == "Order"
            && owner.api_version.starts_with(&group)
            && view
                .orders
                .get(&crate::objects::Key::new(challenge.metadata.namespace.clone(), owner.name.clone()))
                .is_some_and(|order| order.metadata.uid == owner.uid)
    });
    if Method::of(challenge) == Some(Method::DnsPersist01) {
        // Nothing is answered here.
        return ordered;
    }
    is_token(&spec.token) && ordered && spec.key == format!("{}.{thumbprint}", spec.token)
}
