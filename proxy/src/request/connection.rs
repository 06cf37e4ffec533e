use super::Policy;
use super::forwarded::is_managed;
use crate::connection_fields::tokens;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Removes the headers that `Connection` names, and `Connection` itself (RFC 9110 section 7.6.1).
///
/// As in Traefik, a client can name neither forwarded headers nor those that the entry point keeps, and an `Upgrade`
/// stays with a `Connection` that names it. `Host` and `Content-Length` stay: without them it would be another request.
pub(super) fn remove_listed(policy: &Policy, headers: &mut HeaderMap) {
    let Some(first) = headers.get(CONNECTION) else { return };
    if is_plain(first) && headers.get_all(CONNECTION).iter().nth(1).is_none() {
        headers.remove(CONNECTION);
        return;
    }
    let mut named: Vec<HeaderName> = Vec::new();
    for value in headers.get_all(CONNECTION) {
        named.extend(tokens(value.as_bytes()).filter_map(|token| HeaderName::from_bytes(token).ok()));
    }
    let mut stays = String::new();
    for name in &named {
        if *name == UPGRADE && headers.contains_key(UPGRADE) {
            if !stays.contains("Upgrade") {
                stays = if stays.is_empty() { "Upgrade".to_owned() } else { format!("{stays},Upgrade") };
            }
        } else if policy.kept.contains(name) {
            stays = if stays.is_empty() { name.to_string() } else { format!("{stays},{name}") };
        } else if !is_managed(policy, name) && *name != HOST && *name != CONTENT_LENGTH {
            headers.remove(name);
        }
    }
    match HeaderValue::try_from(stays) {
        Ok(value) if !value.is_empty() => {
            headers.insert(CONNECTION, value);
        }
        _ => {
            headers.remove(CONNECTION);
        }
    }
}

/// True if it names no header: nearly always the case.
fn is_plain(value: &HeaderValue) -> bool {
    value.as_bytes().eq_ignore_ascii_case(b"keep-alive") || value.as_bytes().eq_ignore_ascii_case(b"close")
}
