//! The matchers of Traefik 2, which take many arguments and templates such as `/{name:[a-z]+}`.

use super::arguments::{ascii, network, pattern, rooted, wrong_number};
use super::ast::{Expr, HostPattern, Matcher, Pattern};
use super::error::RuleError;
use super::template::{self, Kind};
use super::vocabulary::{Argument, Call};

pub(super) const NAMES: &[&str] = &[
    "ClientIP",
    "Headers",
    "HeadersRegexp",
    "Host",
    "HostHeader",
    "HostRegexp",
    "Method",
    "Path",
    "PathPrefix",
    "Query",
];

pub(super) fn build(call: &Call) -> Result<Expr, RuleError> {
    if call.arguments.is_empty() {
        return Err(wrong_number(call, "at least 1 argument", ""));
    }
    match call.name {
        "Headers" | "HeadersRegexp" => headers(call),
        "Query" => queries(call),
        _ => each(call, |value| single(call, value)),
    }
}

/// Returns the condition that at least one of the arguments matches.
fn each(call: &Call, matcher: impl Fn(&Argument) -> Result<Matcher, RuleError>) -> Result<Expr, RuleError> {
    let parts: Result<Vec<_>, _> = call.arguments.iter().map(|value| Ok(Expr::Is(matcher(value)?))).collect();
    Ok(join(parts?, Expr::Any))
}

fn single(call: &Call, value: &Argument) -> Result<Matcher, RuleError> {
    Ok(match call.name {
        "ClientIP" => Matcher::ClientIp(network(value)?),
        "Host" | "HostHeader" => Matcher::Host(HostPattern::exact(ascii(call, value)?)),
        "HostRegexp" => {
            let text = template::regexp(ascii(call, value)?, Kind::Host, value.at)?;
            Matcher::HostTemplate(Pattern { text, at: value.at })
        }
        "Method" => Matcher::Method(value.text.to_uppercase()),
        "Path" => match path(call, value, Kind::Path)? {
            Ok(literal) => Matcher::Path(literal),
            Err(pattern) => Matcher::PathRegexp(pattern),
        },
        _ => match path(call, value, Kind::PathPrefix)? {
            Ok(literal) => Matcher::PathPrefix(literal),
            Err(pattern) => Matcher::PathRegexp(pattern),
        },
    })
}

/// Returns a path without variables as text, so that it can be looked up, and another as a pattern.
fn path(call: &Call, value: &Argument, kind: Kind) -> Result<Result<String, Pattern>, RuleError> {
    let text = rooted(call, value)?;
    if !text.contains(['{', '}']) {
        return Ok(Ok(text));
    }
    Ok(Err(Pattern { text: template::regexp(&text, kind, value.at)?, at: value.at }))
}

/// Reads pairs of name and value, all of which must match; if a name occurs twice the last pair counts.
fn headers(call: &Call) -> Result<Expr, RuleError> {
    let (pairs, odd) = call.arguments.as_chunks::<2>();
    if !odd.is_empty() {
        return Err(wrong_number(call, "pairs of a name and a value", ""));
    }
    let counts = |index: usize, name: &str| {
        let later = pairs.get(index + 1..).unwrap_or_default();
        !later.iter().any(|[other, _]| other.text == name)
    };
    let effective = pairs.iter().enumerate().filter(|(index, [name, _])| counts(*index, &name.text));
    let parts = effective.map(|(_, [name, value])| {
        let name = name.text.clone();
        Expr::Is(match call.name {
            "Headers" => Matcher::Header { name, value: value.text.clone() },
            _ => Matcher::HeaderRegexp { name, pattern: pattern(value) },
        })
    });
    Ok(join(parts.collect(), Expr::All))
}

/// Reads `key=value` arguments, all of which must match; as in Traefik a lone `key` takes the next lone argument as its
/// value.
fn queries(call: &Call) -> Result<Expr, RuleError> {
    let pieces =
        call.arguments.iter().flat_map(|argument| argument.text.splitn(2, '=').map(move |text| (argument.at, text)));
    let pieces: Vec<_> = pieces.collect();
    let (pairs, odd) = pieces.as_chunks::<2>();
    if !odd.is_empty() {
        return Err(wrong_number(call, "arguments of the form key=value", ""));
    }
    let parts: Result<Vec<_>, RuleError> = pairs
        .iter()
        .map(|[(at, key), (_, value)]| {
            let text = template::regexp(value, Kind::Query, *at)?;
            Ok(Expr::Is(Matcher::FirstQuery { key: (*key).to_owned(), pattern: Pattern { text, at: *at } }))
        })
        .collect();
    Ok(join(parts?, Expr::All))
}

fn join(mut parts: Vec<Expr>, several: fn(Vec<Expr>) -> Expr) -> Expr {
    match parts.len() {
        1 => parts.remove(0),
        _ => several(parts),
    }
}
