//! The parts that all middlewares share that ask for a user and a password (RFC 9110 section 11).

use crate::spelling::is_unusual;
use crate::{Body, MiddlewareError, Spellings, response};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{Response, StatusCode};

const DEFAULT_REALM: &str = "traefik";

/// Returns the realm of a configuration; Traefik's default if that names none.
pub(crate) fn realm(configured: &str) -> &str {
    if configured.is_empty() { DEFAULT_REALM } else { configured }
}

/// Returns what stands between the quotes of a quoted string (RFC 9110 section 5.6.4).
pub(crate) fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// Returns the header that a configuration names; `None` if it names none.
pub(crate) fn header_field(name: &str) -> Result<Option<HeaderName>, MiddlewareError> {
    let invalid = |_| MiddlewareError::HeaderName(name.to_owned());
    (!name.is_empty()).then(|| HeaderName::try_from(name).map_err(invalid)).transpose()
}

/// The part of a login that the backend gets.
#[derive(Debug)]
pub(crate) struct Passed {
    /// The header that tells the user.
    user_header: Option<HeaderName>,
    /// Its spelling, if that is not the usual one.
    spelling: Option<(Spellings, Box<str>)>,
    /// True if `Authorization` is not passed on.
    remove_header: bool,
}

impl Passed {
    pub(crate) fn new(header_field_name: &str, remove_header: bool) -> Result<Self, MiddlewareError> {
        let user_header = header_field(header_field_name)?;
        let unusual = user_header.as_ref().filter(|name| is_unusual(name, header_field_name));
        let spelling =
            unusual.map(|name| (Spellings::default().with(name, header_field_name), Box::from(header_field_name)));
        Ok(Self { user_header, spelling, remove_header })
    }

    /// Changes the head of a request of `user`.
    pub(crate) fn apply(&self, user: Option<&str>, head: &mut Parts) {
        let headers = &mut head.headers;
        if let (Some(name), Some(user)) = (&self.user_header, user)
            && let Ok(value) = HeaderValue::from_bytes(user.as_bytes())
        {
            headers.insert(name, value);
            if let Some((alone, spelt)) = &self.spelling {
                let others = head.extensions.get::<Spellings>();
                let all = others.map_or_else(|| alone.clone(), |others| others.with(name, spelt));
                head.extensions.insert(all);
            }
        }
        if self.remove_header {
            headers.remove(AUTHORIZATION);
        }
    }
}

/// Returns the response that asks for a login.
pub(crate) fn unauthorized(challenge: HeaderValue) -> Response<Body> {
    let mut response = response::bare(StatusCode::UNAUTHORIZED, Body::from("401 Unauthorized\n"));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}
