//! Keys of groups: those that count as not written, and those that there are not.

use super::fault::{Fault, Scope};
use super::node::Node;
use flow_model::nearest;

/// Groups that Traefik leaves out if they are written as anything but a group or `true` ("allow empty"), by the name of
/// the type that has them.
const SWITCHES: [(&str, &str); 8] = [
    ("Failover", "healthCheck"),
    ("HighestRandomWeight", "healthCheck"),
    ("IpAllowList", "ipStrategy"),
    ("LoadBalancer", "sticky"),
    ("Mirroring", "healthCheck"),
    ("Router", "tls"),
    ("Sticky", "cookie"),
    ("Weighted", "healthCheck"),
];
/// Fields of words that are left out if they are empty, since the empty word is the default.
const WORDS: [&str; 6] = ["clientAuthType", "defaultEncoding", "mode", "ruleSyntax", "strategy", "traceVerbosity"];

/// True if a field counts as if it was not written.
pub(super) fn is_off(of: &str, field: &str, value: &Node) -> bool {
    match value.text() {
        Some("") => WORDS.contains(&field),
        Some(text) => !text.eq_ignore_ascii_case("true") && SWITCHES.contains(&(of, field)),
        None => false,
    }
}

/// The fault of a key that there is not.
pub(super) fn unknown(key: &str, known: &[&str]) -> Fault {
    let meant = nearest::name(key, known.iter().copied()).map(|name| format!("; did you mean {name}?"));
    Fault::new(Scope::File, format!("there is no such field{}", meant.unwrap_or_default())).at_key(key)
}
