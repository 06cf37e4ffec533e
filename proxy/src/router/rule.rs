use super::condition::Condition;
use super::disjunct::{self, Disjunct};
use flow_model::rule::{Rule, RuleError};
use std::sync::Arc;

/// A compiled rule: its expressions are compiled, and its alternatives are known by host and path.
///
/// Costly to make, and dependent on the rule's text only: keep it while the text stays.
#[derive(Debug)]
pub struct CompiledRule {
    pub(super) disjuncts: Box<[Disjunct]>,
}

impl CompiledRule {
    /// Compiles a rule.
    ///
    /// # Errors
    /// [`RuleError`] if one of its regular expressions is invalid or too big.
    pub fn compile(rule: &Rule) -> Result<Arc<Self>, RuleError> {
        let condition = Condition::compile(&rule.expr)?;
        Ok(Arc::new(Self { disjuncts: disjunct::split(&condition).into() }))
    }
}
