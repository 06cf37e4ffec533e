use super::rule::CompiledRule;
use flow_model::config::PathOrder;
use flow_model::name::Name;
use std::cmp::Ordering;
use std::sync::Arc;

/// A rule, its place in the order, and where it leads.
///
/// A table tells routes apart by identity: see [`RouteTable::with`](super::RouteTable::with).
#[derive(Debug)]
pub struct Route<T> {
    /// Which requests it takes.
    pub rule: Arc<CompiledRule>,
    /// Higher is asked first. Traefik's default is the byte length of the rule's text.
    pub priority: i64,
    /// Decides between equal priorities: the provider's place in `providers.precedence`, where 0 is asked first.
    pub precedence: u32,
    /// Decides then: the longer path goes first, and of the same length the exact one.
    pub path: PathOrder,
    /// Decides then: the elder goes first.
    pub created: i64,
    /// Decides what is still equal, so that the answer does not depend on chance; unique in a table.
    pub name: Name,
    /// Whatever serves the request.
    pub target: T,
}

impl<T> Route<T> {
    /// `Less` is asked first.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let by_priority = other.priority.cmp(&self.priority);
        by_priority
            .then(self.precedence.cmp(&other.precedence))
            .then(other.path.length.cmp(&self.path.length))
            .then(other.path.exact.cmp(&self.path.exact))
            .then(self.created.cmp(&other.created))
            .then_with(|| self.name.cmp(&other.name))
    }

    pub(super) fn is_before(&self, other: &Self) -> bool {
        self.order(other) == Ordering::Less
    }
}
