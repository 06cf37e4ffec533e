//! Asks for a user and a password (`basicAuth`, RFC 7617).

mod md5_crypt;
mod secret;
#[cfg(test)]
mod tests;
mod verified;

use crate::flow::Flow;
use crate::{Body, Exchange, MiddlewareError, RequestContext, response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flow_model::middleware as spec;
use hashbrown::HashMap;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use http::{HeaderMap, Response, StatusCode};
use secret::Secret;
use std::fmt;
use std::sync::Arc;
use verified::Verified;

const DEFAULT_REALM: &str = "traefik";

/// Lets only users with the right password pass.
pub struct BasicAuth {
    users: HashMap<Box<str>, Arc<Secret>, foldhash::fast::RandomState>,
    /// Checked for unknown users, so that timing does not reveal which users exist.
    decoy: Arc<Secret>,
    verified: Verified,
    challenge: HeaderValue,
    user_header: Option<HeaderName>,
    remove_header: bool,
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
        let realm = if spec.realm.is_empty() { DEFAULT_REALM } else { &spec.realm };
        // A quoted string (RFC 9110 section 5.6.4).
        let quoted = realm.replace('\\', "\\\\").replace('"', "\\\"");
        let challenge = format!("Basic realm=\"{quoted}\"");
        let field = &spec.header_field;
        Ok(Self {
            users,
            decoy: decoy.ok_or(MiddlewareError::Missing { field: "users" })?,
            verified: Verified::new(),
            challenge: HeaderValue::try_from(challenge).map_err(|_| MiddlewareError::HeaderValue(realm.to_owned()))?,
            user_header: if field.is_empty() {
                None
            } else {
                Some(HeaderName::try_from(field).map_err(|_| MiddlewareError::HeaderName(field.clone()))?)
            },
            remove_header: spec.remove_header,
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
        let headers = &mut exchange.head.headers;
        if let (Some(name), Some(user)) = (&self.user_header, &context.user)
            && let Ok(value) = HeaderValue::from_bytes(user.as_bytes())
        {
            headers.insert(name, value);
        }
        if self.remove_header {
            headers.remove(AUTHORIZATION);
        }
        Flow::Pass
    }

    fn unauthorized(&self) -> Response<Body> {
        let mut response = response::bare(StatusCode::UNAUTHORIZED, Body::from("401 Unauthorized\n"));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        response.headers_mut().insert(WWW_AUTHENTICATE, self.challenge.clone());
        response
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
