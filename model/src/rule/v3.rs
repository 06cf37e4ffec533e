//! The matchers of Traefik 3.

use super::ast::{Expr, HostPattern, Matcher, Pattern};
use super::error::{RuleError, RuleProblem};
use super::parser::{Argument, Call, Vocabulary};
use super::v2;
use ipnet::IpNet;
use std::net::IpAddr;

pub(super) static VOCABULARY: Vocabulary =
    Vocabulary { names: NAMES, foreign: v2::NAMES, foreign_syntax: "the syntax of version 2", build };

pub(super) const NAMES: &[&str] = &[
    "ClientIP",
    "Header",
    "HeaderRegexp",
    "Host",
    "HostRegexp",
    "Method",
    "Path",
    "PathPrefix",
    "PathRegexp",
    "Query",
    "QueryRegexp",
];

fn build(call: &Call) -> Result<Expr, RuleError> {
    let matcher = match call.name {
        "Header" | "HeaderRegexp" => {
            let [name, value] = two(call)?;
            let name = name.text.clone();
            match call.name {
                "Header" => Matcher::Header { name, value: value.text.clone() },
                _ => Matcher::HeaderRegexp { name, pattern: pattern(value) },
            }
        }
        "Query" | "QueryRegexp" => {
            let (key, value) = one_or_two(call)?;
            let key = key.text.clone();
            match value {
                Some(value) if call.name == "QueryRegexp" => Matcher::QueryRegexp { key, pattern: pattern(value) },
                // Without a value both ask for a parameter whose value is empty.
                _ => Matcher::Query { key, value: value.map_or_else(String::new, |value| value.text.clone()) },
            }
        }
        name => {
            let value = one(call)?;
            match name {
                "ClientIP" => Matcher::ClientIp(network(value)?),
                "Host" => Matcher::Host(HostPattern::parse(ascii(call, value)?)),
                "HostRegexp" => {
                    ascii(call, value)?;
                    Matcher::HostRegexp(pattern(value))
                }
                "Method" => Matcher::Method(value.text.to_uppercase()),
                "Path" => Matcher::Path(rooted(call, value)?),
                "PathPrefix" => Matcher::PathPrefix(rooted(call, value)?),
                _ => Matcher::PathRegexp(pattern(value)),
            }
        }
    };
    Ok(Expr::Is(matcher))
}

fn one(call: &Call) -> Result<&Argument, RuleError> {
    match &call.arguments[..] {
        [value] => Ok(value),
        _ => Err(arguments(call, "1 argument", "; join several matchers with `||`")),
    }
}

fn two(call: &Call) -> Result<[&Argument; 2], RuleError> {
    match &call.arguments[..] {
        [name, value] => Ok([name, value]),
        _ => Err(arguments(call, "2 arguments", "; join several matchers with `&&`")),
    }
}

fn one_or_two(call: &Call) -> Result<(&Argument, Option<&Argument>), RuleError> {
    match &call.arguments[..] {
        [key] => Ok((key, None)),
        [key, value] => Ok((key, Some(value))),
        _ => Err(arguments(call, "1 or 2 arguments", "; join several matchers with `&&`")),
    }
}

pub(super) fn arguments(call: &Call, takes: &'static str, hint: &'static str) -> RuleError {
    let got = call.arguments.len();
    let hint = if got == 0 { "" } else { hint };
    RuleError::new(call.at, RuleProblem::Arguments { matcher: call.name, takes, got, hint })
}

pub(super) fn pattern(argument: &Argument) -> Pattern {
    Pattern { text: argument.text.clone(), at: argument.at }
}

pub(super) fn ascii<'a>(call: &Call, argument: &'a Argument) -> Result<&'a str, RuleError> {
    if argument.text.is_ascii() {
        return Ok(&argument.text);
    }
    let value = argument.text.clone();
    Err(RuleError::new(argument.at, RuleProblem::HostNotAscii { matcher: call.name, value }))
}

pub(super) fn rooted(call: &Call, argument: &Argument) -> Result<String, RuleError> {
    let value = argument.text.clone();
    if value.starts_with('/') {
        return Ok(value);
    }
    Err(RuleError::new(argument.at, RuleProblem::Path { matcher: call.name, value }))
}

/// Reads a network. An address is the network of itself; IPv4-mapped IPv6 addresses are taken as IPv4, in rules and
/// requests.
pub(super) fn network(argument: &Argument) -> Result<IpNet, RuleError> {
    let text = &argument.text;
    let parsed = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    let network = parsed.map_err(|_| RuleError::new(argument.at, RuleProblem::Network { value: text.clone() }))?;
    let mapped = match network {
        IpNet::V6(v6) => v6.prefix_len().checked_sub(96).zip(v6.addr().to_ipv4_mapped()),
        IpNet::V4(_) => None,
    };
    let unmapped = mapped.and_then(|(length, address)| IpNet::new(address.into(), length).ok());
    Ok(unmapped.unwrap_or(network).trunc())
}
