//! The matchers of a rule, compiled.

use super::query;
use super::view::RequestView;
use flow_model::rule::{HostPattern, Matcher, RuleError};
use http::HeaderName;
use http::header::{HOST, TRAILER, TRANSFER_ENCODING};
use ipnet::IpNet;
use regex::Regex;
use std::borrow::Cow;
use std::sync::Arc;

/// A [`Matcher`] whose expressions are compiled.
#[derive(Debug)]
pub(super) enum CompiledMatcher {
    ClientIp(IpNet),
    /// The same result for every request.
    Constant(bool),
    FirstQuery {
        key: Box<str>,
        regex: Regex,
    },
    Header {
        name: HeaderName,
        value: Box<str>,
    },
    HeaderRegexp {
        name: HeaderName,
        regex: Regex,
    },
    Host(Arc<str>),
    HostRegexp(Regex),
    HostWildcard(Arc<str>),
    Method(Box<str>),
    Path(Arc<[u8]>),
    PathPrefix(Arc<[u8]>),
    PathRegexp {
        regex: Regex,
        prefix: Option<Arc<[u8]>>,
    },
    Query {
        key: Box<str>,
        value: Box<str>,
    },
    QueryRegexp {
        key: Box<str>,
        regex: Regex,
    },
}

impl CompiledMatcher {
    pub(super) fn compile(matcher: &Matcher) -> Result<Self, RuleError> {
        Ok(match matcher {
            Matcher::ClientIp(network) => Self::ClientIp(*network),
            Matcher::FirstQuery { key, pattern } => Self::FirstQuery { key: (**key).into(), regex: pattern.compile()? },
            Matcher::Header { name, value } => match visible(name) {
                Some(name) => Self::Header { name, value: (**value).into() },
                None => Self::Constant(false),
            },
            Matcher::HeaderRegexp { name, pattern } => {
                let regex = pattern.compile()?;
                match visible(name) {
                    Some(name) => Self::HeaderRegexp { name, regex },
                    None => Self::Constant(false),
                }
            }
            Matcher::Host(HostPattern::Any) => Self::Constant(true),
            Matcher::Host(HostPattern::Exact(host)) => Self::Host((**host).into()),
            Matcher::Host(HostPattern::Wildcard(rest)) => match rest.strip_prefix('.') {
                Some(parent) => Self::HostWildcard(parent.into()),
                // `*x`: Traefik replaces whole labels only, so that nothing matches it.
                None => Self::Constant(false),
            },
            Matcher::HostRegexp(pattern) => {
                let regex = pattern.compile()?;
                // Traefik also tries the name from CNAME flattening, which is empty if there is none.
                if regex.is_match("") { Self::Constant(true) } else { Self::HostRegexp(regex) }
            }
            Matcher::HostTemplate(pattern) => Self::HostRegexp(pattern.compile()?),
            Matcher::Method(method) => Self::Method((**method).into()),
            Matcher::Path(path) => Self::Path(path.as_bytes().into()),
            Matcher::PathPrefix(path) => Self::PathPrefix(path.as_bytes().into()),
            Matcher::PathRegexp(pattern) => {
                let prefix = literal_prefix(&pattern.text).map(|prefix| prefix.into_bytes().into());
                Self::PathRegexp { regex: pattern.compile()?, prefix }
            }
            Matcher::Query { key, value } => Self::Query { key: (**key).into(), value: (**value).into() },
            Matcher::QueryRegexp { key, pattern } => {
                Self::QueryRegexp { key: (**key).into(), regex: pattern.compile()? }
            }
        })
    }

    pub(super) fn matches(&self, request: &RequestView<'_>) -> bool {
        match self {
            Self::ClientIp(network) => network.contains(&request.client),
            Self::Constant(matches) => *matches,
            Self::FirstQuery { key, regex } => {
                query::values(request.query, key).next().is_some_and(|value| is_match(regex, &value))
            }
            Self::Header { name, value } => {
                request.headers.get_all(name).iter().any(|found| found.as_bytes() == value.as_bytes())
            }
            Self::HeaderRegexp { name, regex } => {
                request.headers.get_all(name).iter().any(|found| is_match(regex, found.as_bytes()))
            }
            Self::Host(host) => request.bare_host() == &**host,
            Self::HostRegexp(regex) => regex.is_match(request.host()),
            Self::HostWildcard(parent) => {
                request.bare_host().split_once('.').is_some_and(|(_, found)| found == &**parent)
            }
            Self::Method(method) => request.method == &**method,
            Self::Path(path) => request.path() == &**path,
            Self::PathPrefix(path) => request.path().starts_with(path),
            Self::PathRegexp { regex, .. } => is_match(regex, request.path()),
            Self::Query { key, value } => query::values(request.query, key).any(|found| *found == *value.as_bytes()),
            Self::QueryRegexp { key, regex } => query::values(request.query, key).any(|found| is_match(regex, &found)),
        }
    }
}

/// The header's name. Go hides these headers from handlers; an invalid name never occurs.
fn visible(name: &str) -> Option<HeaderName> {
    HeaderName::from_bytes(name.as_bytes()).ok().filter(|name| ![HOST, TRAILER, TRANSFER_ENCODING].contains(name))
}

/// Matches bytes; like Go's expressions, it takes invalid UTF-8 as U+FFFD.
fn is_match(regex: &Regex, bytes: &[u8]) -> bool {
    match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(text) => regex.is_match(text),
        Cow::Owned(text) => regex.is_match(&text),
    }
}

/// A text that every match starts with, so that expressions such as `^/user/[0-9]+$` are looked up by path, too. May be
/// shorter than possible.
fn literal_prefix(pattern: &str) -> Option<String> {
    let mut rest = pattern.strip_prefix('^').filter(|rest| !rest.contains('|'))?.chars();
    let mut prefix = String::new();
    let stop = loop {
        match rest.next() {
            Some('\\') => match rest.next() {
                Some(c) if c.is_ascii_punctuation() => prefix.push(c),
                _ => break None,
            },
            Some(c) if r".+*?()[]{}^$".contains(c) => break Some(c),
            Some(c) => prefix.push(c),
            None => break None,
        }
    };
    if matches!(stop, Some('*' | '?' | '{')) {
        prefix.pop();
    }
    (!prefix.is_empty()).then_some(prefix)
}

#[cfg(test)]
mod tests {
    use super::literal_prefix;

    #[test]
    fn prefixes_are_what_every_match_starts_with() {
        for (pattern, prefix) in [
            ("^/user/[0-9]+$", Some("/user/")),
            (r"^/a\.b\-c/", Some("/a.b-c/")),
            ("^/ab*", Some("/a")),
            ("^/ab?c", Some("/a")),
            ("^/ab{0}", Some("/a")),
            ("^/ab+", Some("/ab")),
            (r"^/a\d", Some("/a")),
            (r"^/a\x41", Some("/a")),
            ("^/a$", Some("/a")),
            ("^/a|/b", None),
            ("^(?i)/a", None),
            ("/a", None),
            ("(?i)^/a", None),
            ("^a*", None),
            ("^", None),
            ("", None),
        ] {
            assert_eq!(literal_prefix(pattern).as_deref(), prefix, "{pattern}");
        }
    }
}
