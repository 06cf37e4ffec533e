use super::rule::CompiledRule;
use flow_model::config::PathOrder;
use flow_model::name::Name;
use std::cmp::Ordering;
use std::sync::Arc;

/// A rule, its position in the order, and its target.
///
/// A table distinguishes routes by identity: see [`RouteTable::with`](super::RouteTable::with).
#[derive(Debug)]
pub struct Route<T> {
    /// The requests it takes.
    pub rule: Arc<CompiledRule>,
    /// Higher is tried first. Traefik's default is the byte length of the rule's text.
    pub priority: i64,
    /// Decides between equal priorities: the provider's index in `providers.precedence`, where 0 is tried first.
    pub precedence: u32,
    /// Decides then: the longer path goes first, and of the same length the exact one.
    pub path: PathOrder,
    /// Decides then: the older goes first.
    pub created: i64,
    /// Decides ties, so that the result is deterministic; unique in a table.
    pub name: Name,
    /// The handler of the requests.
    pub target: T,
}

impl<T> Route<T> {
    /// `Less` is tried first.
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
