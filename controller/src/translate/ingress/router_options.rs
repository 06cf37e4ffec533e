use super::tree::{InvalidOption, Node};
use crate::translate::rule_syntax::rule_syntax;
use crate::view::annotations::Annotations;
use flow_model::config::{Domain, RouterTls, RuleSyntax, Verbosity};
use flow_model::name::Name;

/// Options of an Ingress' routers, from the annotations `router.…`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct RouterOptions {
    pub(super) entry_points: Vec<Name>,
    pub(super) middlewares: Vec<Name>,
    pub(super) observability: Option<Observability>,
    /// The matcher of paths; empty is the default.
    pub(super) path_matcher: String,
    pub(super) priority: i64,
    pub(super) rule_syntax: Option<RuleSyntax>,
    pub(super) tls: Option<RouterTls>,
    /// Findings about values that have no meaning and do no harm.
    pub(super) warnings: Vec<String>,
}

/// The observability settings of its requests.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Observability {
    pub(super) access_logs: Option<bool>,
    pub(super) metrics: Option<bool>,
    pub(super) tracing: Option<bool>,
    pub(super) trace_verbosity: Verbosity,
}

impl RouterOptions {
    pub(super) fn read(annotations: &Annotations) -> Result<Self, InvalidOption> {
        let mut options = Self::default();
        let Some(tree) = Node::read(annotations, "router")? else { return Ok(options) };
        for node in &tree.children {
            match node.name.as_str() {
                "entrypoints" => options.entry_points = node.list()?,
                "middlewares" => options.middlewares = node.list()?,
                "observability" => {
                    options.observability = node.switch(|node| observability(node, &mut options.warnings))?
                }
                "pathmatcher" => node.text()?.clone_into(&mut options.path_matcher),
                "priority" => options.priority = node.number()?,
                "rulesyntax" => {
                    options.rule_syntax = rule_syntax(node.text()?, |warning| options.warnings.push(warning))
                }
                "tls" => options.tls = node.switch(tls)?,
                _ => return node.unknown(),
            }
        }
        Ok(options)
    }
}

fn tls(group: &Node) -> Result<RouterTls, InvalidOption> {
    let mut tls = RouterTls::default();
    for node in &group.children {
        match node.name.as_str() {
            "certresolver" => tls.cert_resolver = node.text()?.into(),
            "domains" => tls.domains = node.children.iter().map(domain).collect::<Result<_, _>>()?,
            "options" => tls.options = node.text()?.into(),
            // A field of Traefik's that no user sets: known, without effect.
            "resolvedoptions" => node.leaf()?,
            _ => return node.unknown(),
        }
    }
    Ok(tls)
}

fn domain(group: &Node) -> Result<Domain, InvalidOption> {
    let mut domain = Domain::default();
    for node in &group.children {
        match node.name.as_str() {
            "main" => node.text()?.clone_into(&mut domain.main),
            "sans" => domain.sans = node.list()?,
            _ => return node.unknown(),
        }
    }
    Ok(domain)
}

fn observability(group: &Node, warnings: &mut Vec<String>) -> Result<Observability, InvalidOption> {
    let mut options = Observability::default();
    for node in &group.children {
        match node.name.as_str() {
            "accesslogs" => options.access_logs = Some(node.boolean()?),
            // A field of Traefik's that no user sets: known, without effect.
            "metadata" => node.leaf()?,
            "metrics" => options.metrics = Some(node.boolean()?),
            "traceverbosity" => match node.text()? {
                "detailed" => options.trace_verbosity = Verbosity::Detailed,
                "minimal" => {}
                other => warnings.push(format!("there is no trace verbosity {other:?}: minimal is used")),
            },
            "tracing" => options.tracing = Some(node.boolean()?),
            _ => return node.unknown(),
        }
    }
    Ok(options)
}
