use super::{append, go_on};
use crate::flow::Flow;
use crate::pattern::{self, Pattern};
use crate::{Exchange, MiddlewareError, path};
use flow_model::middleware as spec;
use http::header::HeaderName;
use std::borrow::Cow;

const FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// Removes a prefix from the path.
#[derive(Debug)]
pub struct StripPrefix {
    prefixes: Vec<String>,
    /// An empty rest becomes `/` at once, which a prefix added later would show.
    force_slash: bool,
}

/// Removes a prefix from the path by regular expressions on the decoded one.
#[derive(Debug)]
pub struct StripPrefixRegex {
    patterns: Vec<Pattern>,
}

impl StripPrefix {
    pub(crate) fn new(spec: &spec::StripPrefix) -> Self {
        let prefixes = spec.prefixes.iter().map(|prefix| prefix.trim().to_owned()).collect();
        Self { prefixes, force_slash: spec.force_slash == Some(true) }
    }

    pub(crate) fn on_request(&self, exchange: &mut Exchange) -> Flow {
        let raw = path::current(exchange);
        let decoded = decoded(raw);
        let Some(prefix) = self.prefixes.iter().find(|prefix| decoded.starts_with(prefix.as_bytes())) else {
            return Flow::Pass;
        };
        let left = without(raw, &decoded, prefix.len());
        let left = if self.force_slash && left.is_empty() { "/".to_owned() } else { left };
        append(exchange, FORWARDED_PREFIX, prefix.as_bytes());
        go_on(exchange, &left)
    }
}

impl StripPrefixRegex {
    pub(crate) fn new(spec: &spec::StripPrefixRegex) -> Result<Self, MiddlewareError> {
        let patterns = spec.regex.iter().map(|regex| pattern::compile(regex.trim())).collect::<Result<_, _>>()?;
        Ok(Self { patterns })
    }

    pub(crate) fn on_request(&self, exchange: &mut Exchange) -> Flow {
        let raw = path::current(exchange);
        let decoded = decoded(raw);
        let text = String::from_utf8_lossy(&decoded);
        // As in Traefik, the first match counts, and only if the path starts with the same text.
        let found = self
            .patterns
            .iter()
            .filter_map(|pattern| pattern.find(&text))
            .find(|found| !found.is_empty() && decoded.starts_with(found.as_str().as_bytes()));
        let Some(found) = found else { return Flow::Pass };
        let left = without(raw, &decoded, found.len());
        let prefix = found.as_str().to_owned();
        append(exchange, FORWARDED_PREFIX, prefix.as_bytes());
        go_on(exchange, &left)
    }
}

/// The path that rules and prefixes match. The edge refuses broken escapes, so a path that has one is not decoded.
fn decoded(raw: &str) -> Cow<'_, [u8]> {
    path::unescape(raw).unwrap_or(Cow::Borrowed(raw.as_bytes()))
}

/// The escaped path without the first `prefix` bytes of the decoded one.
fn without(raw: &str, decoded: &[u8], prefix: usize) -> String {
    let left = with_slash(decoded.get(prefix..).unwrap_or_default());
    if let Cow::Borrowed(_) = left
        && path::is_plain(raw)
    {
        return raw.get(prefix..).unwrap_or_default().to_owned();
    }
    if path::escape(decoded) == raw {
        return path::escape(&left);
    }
    let raw = with_slash(raw.get(path::escaped_len(raw, prefix)..).unwrap_or_default().as_bytes()).into_owned();
    path::escaped(&left, &String::from_utf8_lossy(&raw)).into_owned()
}

fn with_slash(path: &[u8]) -> Cow<'_, [u8]> {
    if path.is_empty() || path.starts_with(b"/") { Cow::Borrowed(path) } else { Cow::Owned([b"/", path].concat()) }
}
