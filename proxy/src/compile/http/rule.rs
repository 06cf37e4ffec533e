//! The rule of a router, and the server names that it asks for.

use crate::router::CompiledRule;
use flow_model::config::{Router, RuleSyntax};
use flow_model::name::Name;
use flow_model::rule::Rule;
use std::sync::Arc;

/// A rule of HTTP.
#[derive(Clone, Debug)]
pub(in crate::compile) struct HttpRule {
    /// The rule, compiled, or the reason why it cannot be used.
    pub(super) condition: Result<Arc<CompiledRule>, String>,
    /// The server names of its hosts.
    pub(super) hosts: Arc<[Name]>,
}

impl HttpRule {
    /// Reads a router's rule.
    pub(super) fn read(router: &Router, default_syntax: RuleSyntax) -> Self {
        match Rule::parse(&router.rule, router.rule_syntax.unwrap_or(default_syntax)) {
            Ok(rule) => Self {
                condition: CompiledRule::compile(&rule)
                    .map_err(|error| format!("error while adding rule {}: {error}", router.rule)),
                hosts: rule.hosts().filter_map(server_name).map(Name::from).collect(),
            },
            Err(error) => Self {
                condition: Err(format!("error while parsing rule {}: {error}", router.rule)),
                hosts: Arc::default(),
            },
        }
    }
}

/// The server name that clients ask for a rule's host with; `*` stands for none.
fn server_name(host: &str) -> Option<&str> {
    let name = host.strip_suffix('.').unwrap_or(host);
    (!name.is_empty() && name != "*").then_some(name)
}
