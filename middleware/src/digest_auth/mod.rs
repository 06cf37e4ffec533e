//! Asks for a user and a password by digests (`digestAuth`, RFC 7616 with MD5 and `qop=auth`).
//!
//! `credentials` reads what the client sends, `nonces` knows which of the proxy's nonces are still good. Nonces carry
//! their time and a keyed hash, so that handing them out needs no memory; only those that a user has used are kept.

mod credentials;
mod nonces;
#[cfg(test)]
mod tests;

use crate::flow::Flow;
use crate::login::{self, Passed};
use crate::{Body, Exchange, MiddlewareError, RequestContext, path};
use credentials::Credentials;
use flow_model::middleware as spec;
use hashbrown::HashMap;
use http::Response;
use http::header::{AUTHORIZATION, HeaderValue};
use md5::{Digest as _, Md5};
use nonces::{Nonces, hex};
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};
use subtle::ConstantTimeEq as _;

/// Lets only users pass who prove that they know their password.
pub struct DigestAuth {
    /// By user, the hash of user, realm and password in hexadecimal.
    users: HashMap<Box<str>, Box<str>, foldhash::fast::RandomState>,
    /// Stands for the hash of unknown users, so that timing does not reveal which users exist.
    decoy: String,
    nonces: Nonces,
    opaque: String,
    /// As a quoted string holds it.
    realm: String,
    passed: Passed,
}

/// The outcome of a look at a request's credentials.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Verdict {
    Right,
    /// The digest is right, but not its nonce: the client may try again without asking its user.
    Stale,
    Wrong,
}

impl DigestAuth {
    /// `random` fills a buffer with unpredictable bytes.
    pub(crate) fn new(spec: &spec::DigestAuth, random: impl Fn(&mut [u8])) -> Result<Self, MiddlewareError> {
        let realm = login::realm(&spec.realm);
        let mut users = HashMap::default();
        let mut lines = 0;
        for line in &spec.users {
            let (user, of, hash) = match line.split(':').collect::<Vec<_>>()[..] {
                [user, of, hash] if !user.is_empty() => (user, of, hash),
                _ => return Err(MiddlewareError::DigestUser),
            };
            lines += 1;
            // Users of other realms cannot log in here.
            if of == realm {
                users.insert(user.into(), hash.to_ascii_lowercase().into());
            }
        }
        if lines == 0 {
            return Err(MiddlewareError::Missing { field: "users" });
        }
        let quoted = login::quoted(realm);
        HeaderValue::try_from(&quoted).map_err(|_| MiddlewareError::HeaderValue(realm.to_owned()))?;
        let (mut key, mut opaque, mut decoy) = ([0; 32], [0; 16], [0; 16]);
        random(&mut key);
        random(&mut opaque);
        random(&mut decoy);
        Ok(Self {
            users,
            decoy: hex(&decoy),
            nonces: Nonces::new(key),
            opaque: hex(&opaque),
            realm: quoted,
            passed: Passed::new(&spec.header_field, spec.remove_header)?,
        })
    }

    pub(crate) fn on_request(&self, exchange: &mut Exchange, context: &mut RequestContext<'_>) -> Flow {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let given = exchange.head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let given = given.and_then(Credentials::parse);
        let uri = path::written_uri(exchange);
        let verdict = given.as_ref().map(|given| self.verdict(given, exchange.head.method.as_str(), &uri, now));
        let verdict = verdict.unwrap_or(Verdict::Wrong);
        let user = given.map(|given| given.user).filter(|user| !user.is_empty());
        *context.user = user.map(Into::into);
        if verdict != Verdict::Right {
            return Flow::respond(self.unauthorized(verdict, now));
        }
        self.passed.apply(context.user.as_deref(), &mut exchange.head);
        Flow::Pass
    }

    /// The verdict at `now`, in seconds since 1970, on what came with a request for `uri`.
    fn verdict(&self, given: &Credentials, method: &str, uri: &str, now: u64) -> Verdict {
        // Some clients leave the algorithm out.
        let is_known = given.algorithm.as_deref().is_none_or(|algorithm| algorithm == "MD5") && given.qop == "auth";
        let Some(count) = u64::from_str_radix(&given.count, 16).ok().filter(|_| is_known && is_of(&given.uri, uri))
        else {
            return Verdict::Wrong;
        };
        let known = self.users.get(&*given.user);
        let secret = known.map_or(&*self.decoy, |hash| hash);
        let request = digest(&[method, &given.uri]);
        let wanted = digest(&[secret, &given.nonce, &given.count, &given.client_nonce, &given.qop, &request]);
        let is_right = bool::from(wanted.as_bytes().ct_eq(given.response.as_bytes()));
        if !is_right || known.is_none() {
            return Verdict::Wrong;
        }
        let is_ours = bool::from(self.opaque.as_bytes().ct_eq(given.opaque.as_bytes()));
        if is_ours && self.nonces.accept(&given.nonce, count, now) { Verdict::Right } else { Verdict::Stale }
    }

    fn unauthorized(&self, verdict: Verdict, now: u64) -> Response<Body> {
        let mut salt = [0; 8];
        // Without randomness the nonce is still signed and ages; it is no secret.
        let _ = getrandom::fill(&mut salt);
        let stale = if verdict == Verdict::Stale { ", stale=true" } else { "" };
        let challenge = format!(
            "Digest realm=\"{}\", nonce=\"{}\", opaque=\"{}\", algorithm=\"MD5\", qop=\"auth\"{stale}",
            self.realm,
            self.nonces.issue(now, salt),
            self.opaque
        );
        // The realm has been checked, so that there is always a challenge.
        login::unauthorized(HeaderValue::try_from(challenge).unwrap_or(HeaderValue::from_static("Digest")))
    }
}

/// True if the target that a digest was made for is that of the request. Some clients leave the query out.
fn is_of(signed: &str, uri: &str) -> bool {
    signed == uri || uri.split_once('?').is_some_and(|(path, _)| path == signed)
}

/// The hash of the parts with colons between them, in hexadecimal.
fn digest(parts: &[&str]) -> String {
    hex(&Md5::digest(parts.join(":")))
}

impl fmt::Debug for DigestAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DigestAuth").field("users", &self.users.len()).finish_non_exhaustive()
    }
}
