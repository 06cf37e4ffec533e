//! Upgrades to another HTTP (RFC 9110 section 7.8): their requests are served without the upgrade.
//!
//! A backend that agreed would be reached through a tunnel, past every router and middleware. RFC 9113 section 3.1 has
//! removed `h2c`, and Traefik drops it too.

use http::header::UPGRADE;
use http::{HeaderMap, HeaderName};

/// True if the header offers such an upgrade, or belongs to one.
pub(super) fn is_unwanted(name: &HeaderName, headers: &HeaderMap) -> bool {
    if name == UPGRADE {
        return offers_http(headers);
    }
    name.as_str() == "http2-settings"
}

/// True if one of the protocols, on any line, is HTTP itself, or TLS with HTTP in it (RFC 2817).
fn offers_http(headers: &HeaderMap) -> bool {
    headers.get_all(UPGRADE).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).any(|protocol| {
        let name = protocol.split(|byte| *byte == b'/').next().unwrap_or_default().trim_ascii();
        [&b"h2c"[..], b"h2", b"h3", b"http", b"tls"].iter().any(|http| name.eq_ignore_ascii_case(http))
    })
}
