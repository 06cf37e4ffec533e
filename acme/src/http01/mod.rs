//! Proofs over HTTP and TLS: the table that answers them, and the probe that sees whether every replica does.

pub mod probe;
mod table;

#[cfg(test)]
mod tests;

pub use table::ChallengeTable;

use crate::account;
use crate::names::CHALLENGE_TYPE;
use crate::objects::{ACME_GROUP, Challenge};
use crate::planner::{Settings, View};
use std::fmt;

/// How a name is proved.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Method {
    /// Over plain HTTP (RFC 8555 §8.3).
    Http01,
    /// Over TLS (RFC 8737).
    TlsAlpn01,
}

impl Method {
    /// The method of a Challenge; none for those that are not solved here.
    #[must_use]
    pub fn of(challenge: &Challenge) -> Option<Self> {
        let annotation = challenge.metadata.annotation(CHALLENGE_TYPE);
        match annotation.unwrap_or(&challenge.spec.kind) {
            "HTTP-01" => Some(Self::Http01),
            "TLS-ALPN-01" => Some(Self::TlsAlpn01),
            _ => None,
        }
    }

    /// Its name at the CA.
    #[must_use]
    pub fn wire(self) -> &'static str {
        match self {
            Self::Http01 => "http-01",
            Self::TlsAlpn01 => "tls-alpn-01",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http01 => "HTTP-01",
            Self::TlsAlpn01 => "TLS-ALPN-01",
        })
    }
}

/// Whether a token is one: base64url, and long enough to be no guess (RFC 8555 §8.1).
#[must_use]
pub fn is_token(token: &str) -> bool {
    (22..=256).contains(&token.len()) && token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Whether a Challenge may be served. Whoever can write Challenges could else make the proxy say any text under
/// another tenant's host, and so get its certificate: the key must be the token with the thumbprint of the issuer's
/// account, and an Order must stand behind it.
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
    is_token(&spec.token) && ordered && spec.key == format!("{}.{thumbprint}", spec.token)
}
