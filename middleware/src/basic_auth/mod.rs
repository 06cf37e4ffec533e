//! Asks for a user and a password (`basicAuth`, RFC 7617).

mod md5_crypt;
mod secret;
#[cfg(test)]
mod tests;
mod verified;

use crate::flow::Flow;
use crate::login::{self, Passed};
use crate::{Body, Exchange, MiddlewareError, RequestContext};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flow_model::middleware as spec;
use hashbrown::HashMap;
use http::header::{AUTHORIZATION, HeaderValue};
use http::{HeaderMap, Response};
use secret::Secret;
use std::fmt;
use std::sync::Arc;
use verified::Verified;

/// Lets only users with the right password pass.
pub struct BasicAuth {
    users: HashMap<Box<str>, Arc<Secret>, foldhash::fast::RandomState>,
    /// Checked for unknown users, so that timing does not reveal which users exist.
    decoy: Arc<Secret>,
    verified: Verified,
    challenge: HeaderValue,
    passed: Passed,
}

impl BasicAuth {
    pub(crate) fn new(spec: &spec::BasicAuth) -> Result<Self, MiddlewareError> {
        let mut users = HashMap::default();
        let mut decoy = None;
        for line in &spec.users {
            // As in Traefik, a line with a second colon is invalid; no hash contains one.
            let (user, hash) = match line.split_once(':') {
                Some((user, hash)) if !hash.contains(':') => (user, hash),
                _ => return Err(MiddlewareError::User),
            };
            let secret = Arc::new(Secret::new(hash));
            decoy.get_or_insert_with(|| Arc::clone(&secret));
            users.insert(user.into(), secret);
        }
        let realm = login::realm(&spec.realm);
        let challenge = format!("Basic realm=\"{}\"", login::quoted(realm));
        Ok(Self {
            users,
            decoy: decoy.ok_or(MiddlewareError::Missing { field: "users" })?,
            verified: Verified::new(),
            challenge: HeaderValue::try_from(challenge).map_err(|_| MiddlewareError::HeaderValue(realm.to_owned()))?,
            passed: Passed::new(&spec.header_field, spec.remove_header)?,
        })
    }

    pub(crate) async fn on_request(&self, exchange: &mut Exchange, context: &mut RequestContext<'_>) -> Flow {
        let Some((user, password)) = credentials(&exchange.head.headers) else {
            return Flow::respond(self.unauthorized());
        };
        let known = self.users.get(&*user);
        let verified = self.verified.check(&user, known.unwrap_or(&self.decoy), &password).await;
        *context.user = Some(user.into());
        if !verified || known.is_none() {
            return Flow::respond(self.unauthorized());
        }
        self.passed.apply(context.user.as_deref(), &mut exchange.head);
        Flow::Pass
    }

    fn unauthorized(&self) -> Response<Body> {
        login::unauthorized(self.challenge.clone())
    }
}

impl fmt::Debug for BasicAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BasicAuth").field("users", &self.users.len()).finish_non_exhaustive()
    }
}

/// User and password of the first `Authorization`. The password is bytes: clients do not agree on an encoding.
fn credentials(headers: &HeaderMap) -> Option<(String, Vec<u8>)> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case("Basic ") {
        return None;
    }
    let mut decoded = STANDARD.decode(encoded).ok()?;
    let colon = memchr::memchr(b':', &decoded)?;
    let password = decoded.split_off(colon + 1);
    decoded.truncate(colon);
    Some((String::from_utf8_lossy(&decoded).into_owned(), password))
}
