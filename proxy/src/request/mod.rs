//! Changes to every request's head before routing, in Traefik's order: header names that could be taken for others,
//! upgrades to another HTTP, escapes, dots and double slashes, semicolons, forwarded headers.
//!
//! Pure: a head goes in, and the same head comes out, changed, or a [`AdmitError`]. A clean head is scanned once and
//! allocates only for the inserted headers.

mod connection;
mod forwarded;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
mod path;
mod policy;
mod query;
mod upgrade;

#[cfg(test)]
mod tests;

pub use policy::{Origin, Policy};

use flow_middleware::WrittenQuery;
use http::header::{COOKIE, Entry, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{StatusCode, Version};

/// The reason why a request is answered without being routed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AdmitError {
    /// A percent-encoded character that the entry point does not allow.
    #[error("the path holds an encoded character that is not allowed here")]
    EncodedCharacter,
    /// A `%` without two hexadecimal digits.
    #[error("the path holds a broken percent escape")]
    Escape,
    /// A header whose name could be taken for another, if the entry point refuses these.
    #[error("a header's name could be taken for another")]
    Alias,
}

impl AdmitError {
    /// The status of the response.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::Alias | Self::EncodedCharacter | Self::Escape => StatusCode::BAD_REQUEST,
        }
    }
}

/// Normalizes a request's head for routing and forwarding. `origin` is the connection's.
///
/// # Errors
/// [`AdmitError`] if the entry point does not let the request in.
pub fn admit(policy: &Policy, origin: &Origin, head: &mut Parts) -> Result<(), AdmitError> {
    if head.version == Version::HTTP_2 {
        // HTTP/2 clients may split `Cookie` (RFC 9113 section 8.2.3); rules, middlewares and HTTP/1.1 need one header.
        join(&mut head.headers, COOKIE, b"; ");
    }
    forwarded::screen(policy, origin, &mut head.headers)?;
    rewrite_target(policy, head)?;
    forwarded::set(policy, origin, &mut head.headers);
    connection::remove_listed(policy, &mut head.headers);
    Ok(())
}

/// Joins several lines into one.
fn join(headers: &mut HeaderMap, name: HeaderName, separator: &[u8]) {
    let Entry::Occupied(mut entry) = headers.entry(name) else { return };
    if entry.iter().nth(1).is_none() {
        return;
    }
    let joined = entry.iter().map(HeaderValue::as_bytes).collect::<Vec<_>>().join(separator);
    if let Ok(joined) = HeaderValue::from_bytes(&joined) {
        entry.insert(joined);
    }
}

fn rewrite_target(policy: &Policy, head: &mut Parts) -> Result<(), AdmitError> {
    let Some(target) = head.uri.path_and_query() else { return Ok(()) };
    let query = target.query().filter(|query| query::needs_rewrite(query));
    let path = path::rewrite(target.path(), policy.sanitize_path)?;
    if policy.denies_characters && !policy.encoded_characters.allow(path.as_deref().unwrap_or_else(|| target.path())) {
        return Err(AdmitError::EncodedCharacter);
    }
    if path.is_none() && query.is_none() {
        return Ok(());
    }
    let written = query.map(|query| WrittenQuery(Box::from(query)));
    let mut text = path.unwrap_or_else(|| target.path().to_owned());
    if let Some(whole) = target.query() {
        text.push('?');
        match query {
            Some(query) => query::rewrite_into(query, policy.encode_query_semicolons, &mut text),
            None => text.push_str(whole),
        }
    }
    let target = PathAndQuery::from_maybe_shared(bytes::Bytes::from(text)).map_err(|_| AdmitError::Escape)?;
    if let Some(written) = written {
        head.extensions.insert(written);
    }
    let mut parts = std::mem::take(&mut head.uri).into_parts();
    parts.path_and_query = Some(target);
    head.uri = http::Uri::from_parts(parts).map_err(|_| AdmitError::Escape)?;
    Ok(())
}
