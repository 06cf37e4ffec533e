//! Proofs of control over a name (ACME challenges), which the data plane looks up before anything else.

use std::sync::Arc;

/// Path prefix of HTTP-01 (RFC 8555 §8.3); the token follows.
pub const HTTP01_PREFIX: &str = "/.well-known/acme-challenge/";

/// The lookup that the data plane does before redirects, routers and middlewares. It must take no lock.
pub trait ChallengeLookup: Send + Sync + 'static {
    /// Returns the body for `/.well-known/acme-challenge/TOKEN` of a host (lower case, without port; an address without
    /// brackets), or `None` where the request is not ours: then it is routed like any other.
    fn response(&self, host: &str, token: &str) -> Option<Arc<str>>;
}

/// A lookup that knows no challenges.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoChallenges;

impl ChallengeLookup for NoChallenges {
    fn response(&self, _: &str, _: &str) -> Option<Arc<str>> {
        None
    }
}
