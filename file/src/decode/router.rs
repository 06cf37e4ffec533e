use super::fault::{Fault, Scope};
use super::findings::Findings;
use super::node::Node;
use super::written::Written;
use flow_model::config::Router;
use serde::Deserialize as _;

/// Keys of which unknown words are passed over, as in Traefik, and what counts instead.
const WORDS: [(&str, &str); 2] = [
    ("ruleSyntax", "the installation's rule syntax is used"),
    ("traceVerbosity", "the entry point's verbosity is used"),
];

/// Reads a router.
pub(super) fn router(node: &Node, findings: &mut Findings) -> Result<Router, Fault> {
    let mut node = node.clone();
    loop {
        let fault = match Router::deserialize(Written(&node)) {
            Ok(router) => return Ok(router),
            Err(fault) => fault,
        };
        let instead = |key: &String| WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(key));
        let Some((_, instead)) = fault.path.first().filter(|_| fault.scope == Scope::Object).and_then(instead) else {
            return Err(fault);
        };
        let keys = fault.keys();
        // Without the key the next reading gets further.
        if remove(&mut node, &keys).is_none() {
            return Err(fault);
        }
        findings.warn(&keys, format!("{}: {instead}", fault.message));
    }
}

fn remove(node: &mut Node, keys: &[&str]) -> Option<Node> {
    match keys {
        [] => None,
        [key] => node.take(key),
        [key, below @ ..] => remove(node.entry_mut(key)?, below),
    }
}
