//! The arguments of matchers, checked. The vocabularies share these.

use super::ast::Pattern;
use super::error::{RuleError, RuleProblem};
use super::vocabulary::{Argument, Call};
use ipnet::IpNet;
use std::net::IpAddr;

/// Returns the only argument.
pub(super) fn one(call: &Call) -> Result<&Argument, RuleError> {
    match &call.arguments[..] {
        [value] => Ok(value),
        _ => Err(wrong_number(call, "1 argument", "; join several matchers with `||`")),
    }
}

/// Returns both arguments.
pub(super) fn two(call: &Call) -> Result<[&Argument; 2], RuleError> {
    match &call.arguments[..] {
        [name, value] => Ok([name, value]),
        _ => Err(wrong_number(call, "2 arguments", "; join several matchers with `&&`")),
    }
}

/// Returns the first argument and, if there is one, the second.
pub(super) fn one_or_two(call: &Call) -> Result<(&Argument, Option<&Argument>), RuleError> {
    match &call.arguments[..] {
        [key] => Ok((key, None)),
        [key, value] => Ok((key, Some(value))),
        _ => Err(wrong_number(call, "1 or 2 arguments", "; join several matchers with `&&`")),
    }
}

/// Returns the error of a matcher that `takes` another number of arguments.
pub(super) fn wrong_number(call: &Call, takes: &'static str, hint: &'static str) -> RuleError {
    let got = call.arguments.len();
    let hint = if got == 0 { "" } else { hint };
    RuleError::new(call.at, RuleProblem::Arguments { matcher: call.name, takes, got, hint })
}

/// Reads a regular expression. It is checked where it is compiled.
pub(super) fn pattern(argument: &Argument) -> Pattern {
    Pattern { text: argument.text.clone(), at: argument.at }
}

/// Reads the name of a host, or a pattern for it.
pub(super) fn ascii<'a>(call: &Call, argument: &'a Argument) -> Result<&'a str, RuleError> {
    if argument.text.is_ascii() {
        return Ok(&argument.text);
    }
    let value = argument.text.clone();
    Err(RuleError::new(argument.at, RuleProblem::HostNotAscii { matcher: call.name, value }))
}

/// Reads a path, which starts with `/`.
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
