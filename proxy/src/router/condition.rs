//! The condition of a rule, compiled.

use super::matcher::CompiledMatcher;
use super::view::RequestView;
use flow_model::rule::{Expr, RuleError};
use std::sync::Arc;

/// An [`Expr`] whose matchers are compiled; `!` is part of the matcher.
#[derive(Clone, Debug)]
pub(super) enum Condition {
    All(Arc<[Self]>),
    Any(Arc<[Self]>),
    Matcher { matcher: Arc<CompiledMatcher>, negated: bool },
}

impl Condition {
    pub(super) fn compile(expr: &Expr) -> Result<Self, RuleError> {
        let several = |parts: &[Expr]| parts.iter().map(Self::compile).collect::<Result<Arc<[Self]>, _>>();
        let one = |matcher, negated| {
            CompiledMatcher::compile(matcher).map(|matcher| Self::Matcher { matcher: Arc::new(matcher), negated })
        };
        match expr {
            Expr::All(parts) => several(parts).map(Self::All),
            Expr::Any(parts) => several(parts).map(Self::Any),
            Expr::Is(matcher) => one(matcher, false),
            Expr::IsNot(matcher) => one(matcher, true),
        }
    }

    pub(super) fn matches(&self, request: &RequestView<'_>) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(request)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(request)),
            Self::Matcher { matcher, negated } => matcher.matches(request) != *negated,
        }
    }

    /// The matcher, if the condition is a single one without `!`.
    pub(super) fn plain(&self) -> Option<&CompiledMatcher> {
        match self {
            Self::Matcher { matcher, negated: false } => Some(matcher),
            _ => None,
        }
    }

    /// The result, if it is the same for all requests.
    pub(super) fn constant(&self) -> Option<bool> {
        match self {
            Self::Matcher { matcher, negated } => match **matcher {
                CompiledMatcher::Constant(matches) => Some(matches != *negated),
                _ => None,
            },
            _ => None,
        }
    }
}
