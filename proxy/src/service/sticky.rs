//! Cookies that keep a client with its server (sticky sessions), byte for byte Traefik's.

use flow_model::config::Cookie;
use http::HeaderValue;
use http::header::{COOKIE, HeaderMap};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// A compiled cookie: every header that it may ever set is computed in advance.
#[derive(Debug)]
pub(super) struct Sticky {
    name: Box<str>,
    known: hashbrown::HashMap<Box<str>, Known, foldhash::fast::RandomState>,
    headers: Box<[HeaderValue]>,
}

/// The meaning of a cookie's value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Known {
    /// The index in the list of servers or services.
    pub(super) index: usize,
    /// True if the value has an older form and is to be set anew.
    pub(super) outdated: bool,
}

impl Sticky {
    /// The cookie of `service` over `names`: server URLs, or names of services.
    pub(super) fn compile<'a>(config: &Cookie, service: &str, names: impl Iterator<Item = &'a str>) -> Self {
        let name = config.name_of(service);
        let mut known = hashbrown::HashMap::default();
        let mut headers = Vec::new();
        for (index, target) in names.enumerate() {
            let value = value_of(target);
            headers.push(set_cookie(config, &name, &value));
            let once = fnv(target);
            for older in [fnv(&once), once, target.to_owned()] {
                known.entry(older.into_boxed_str()).or_insert(Known { index, outdated: true });
            }
            known.insert(value.into_boxed_str(), Known { index, outdated: false });
        }
        Self { name: name.into_boxed_str(), known, headers: headers.into_boxed_slice() }
    }

    /// The server that the client of a request sticks to.
    pub(super) fn find(&self, headers: &HeaderMap) -> Option<Known> {
        let value = headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|value| std::str::from_utf8(value.as_bytes()).ok())
            .flat_map(|value| value.split(';'))
            .find_map(|pair| pair.trim().split_once('=').filter(|(name, _)| **name == *self.name))?
            .1;
        let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
        self.known.get(value).copied()
    }

    /// `Set-Cookie` for that index.
    pub(super) fn header(&self, index: usize) -> Option<HeaderValue> {
        self.headers.get(index).cloned()
    }
}

fn value_of(target: &str) -> String {
    let mut hash = hex(&Sha256::digest(target));
    hash.truncate(16);
    hash
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// FNV-1 of 64 bits in hexadecimal without leading zeros, the value used by older Traefiks.
fn fnv(text: &str) -> String {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| hash.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte));
    format!("{hash:x}")
}

/// In the order of Go's `http.Cookie.String`.
fn set_cookie(config: &Cookie, name: &str, value: &str) -> HeaderValue {
    let mut text = format!("{name}={value}");
    let path = attribute(config.path.as_deref().unwrap_or("/"));
    if !path.is_empty() {
        text.push_str("; Path=");
        text.push_str(&path);
    }
    let domain = attribute(config.domain.strip_prefix('.').unwrap_or(&config.domain));
    if !domain.is_empty() {
        text.push_str("; Domain=");
        text.push_str(&domain);
    }
    match config.max_age {
        0 => {}
        ..0 => text.push_str("; Max-Age=0"),
        seconds => text.push_str(&format!("; Max-Age={seconds}")),
    }
    if config.http_only {
        text.push_str("; HttpOnly");
    }
    if config.secure {
        text.push_str("; Secure");
    }
    match config.same_site.to_ascii_lowercase().as_str() {
        "lax" => text.push_str("; SameSite=Lax"),
        "none" => text.push_str("; SameSite=None"),
        "strict" => text.push_str("; SameSite=Strict"),
        _ => {}
    }
    // Every byte is visible ASCII by now.
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// The bytes that an attribute may hold; Go drops the others too.
fn attribute(text: &str) -> String {
    text.chars().filter(|c| (' '..'\x7f').contains(c) && *c != ';').collect()
}
