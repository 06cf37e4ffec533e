//! The rule of a router, and the server names that it asks for.

use crate::router::CompiledRule;
use flow_model::config::{Router, RuleSyntax};
use flow_model::name::Name;
use flow_model::rule::Rule;
use std::sync::Arc;

/// A rule, or the reason why it cannot be used, and the server names of its hosts.
pub(super) fn read_rule(
    source: &Router,
    default_syntax: RuleSyntax,
) -> (Result<Arc<CompiledRule>, String>, Arc<[Name]>) {
    let syntax = match source.rule_syntax {
        None => default_syntax,
        Some(syntax) => syntax,
    };
    match Rule::parse(&source.rule, syntax) {
        Ok(rule) => {
            let hosts = rule.hosts().filter_map(server_name).map(Name::from).collect();
            (CompiledRule::compile(&rule).map_err(|e| format!("error while adding rule {}: {e}", source.rule)), hosts)
        }
        Err(error) => (Err(format!("error while parsing rule {}: {error}", source.rule)), Arc::default()),
    }
}

/// The server name that clients ask for a rule's host with; `*` stands for none.
fn server_name(host: &str) -> Option<&str> {
    let name = host.strip_suffix('.').unwrap_or(host);
    (!name.is_empty() && name != "*").then_some(name)
}
