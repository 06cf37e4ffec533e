//! The matchers of Traefik 3.

use super::arguments::{ascii, network, one, one_or_two, pattern, rooted, two};
use super::ast::{Expr, HostPattern, Matcher};
use super::error::RuleError;
use super::vocabulary::Call;

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

pub(super) fn build(call: &Call) -> Result<Expr, RuleError> {
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
