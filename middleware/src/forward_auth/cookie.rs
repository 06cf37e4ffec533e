//! Cookies of the authentication server in responses of backends (`addAuthCookiesToResponse`).

use http::HeaderMap;
use http::header::{HeaderValue, SET_COOKIE};

/// A `Set-Cookie` of the authentication server.
pub(crate) type SetCookie = HeaderValue;

/// All `Set-Cookie` lines of a response that have a name.
pub(super) fn all(headers: &HeaderMap) -> Vec<SetCookie> {
    headers.get_all(SET_COOKIE).iter().filter(|cookie| name(cookie).is_some()).cloned().collect()
}

/// Cookies called `names` come from the authentication server only, all others from the backend only.
pub(super) fn merge(names: &[String], theirs: &[SetCookie], headers: &mut HeaderMap) {
    let is_theirs =
        |cookie: &&HeaderValue| name(cookie).is_some_and(|name| names.iter().any(|own| own.as_bytes() == name));
    let own: Vec<HeaderValue> =
        headers.get_all(SET_COOKIE).iter().filter(|cookie| !is_theirs(cookie)).cloned().collect();
    headers.remove(SET_COOKIE);
    for cookie in own.iter().chain(theirs.iter().filter(is_theirs)) {
        headers.append(SET_COOKIE, cookie.clone());
    }
}

fn name(cookie: &HeaderValue) -> Option<&[u8]> {
    let pair = cookie.as_bytes().split(|byte| *byte == b';').next()?;
    let name = pair.split(|byte| *byte == b'=').next()?.trim_ascii();
    (pair.contains(&b'=') && !name.is_empty()).then_some(name)
}
