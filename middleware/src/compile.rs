//! From a middleware's specification to the middleware.

use crate::chain::Chain;
use crate::middleware::Middleware;
use flow_model::middleware::Middleware as Spec;
use flow_model::name::Name;
use std::sync::Arc;

/// Why a specification makes no middleware. A router that uses it is disabled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MiddlewareError {
    /// The provider found it wrong already.
    #[error("{0}")]
    Invalid(String),
    /// A member of a chain is missing or wrong.
    #[error("{member} of the chain: {reason}")]
    Member {
        /// The member as the chain refers to it.
        member: Name,
        /// Why.
        reason: String,
    },
}

/// Finds the members of `chain` middlewares for [`compile`]: the name as the chain has it, to the compiled member.
pub type Resolver<'a> = dyn FnMut(&Name) -> Result<Arc<Middleware>, MiddlewareError> + 'a;

/// Compiles `spec`, named `name`. Call it once for each router that uses the middleware, and keep the result while the
/// specification is the same: counters such as those of `rateLimit` live in it.
///
/// # Errors
/// Where the specification does not hold.
pub fn compile(spec: &Spec, _name: &Name, members: &mut Resolver<'_>) -> Result<Middleware, MiddlewareError> {
    match spec {
        Spec::Chain(chain) => {
            let steps = chain.middlewares.iter().map(members).collect::<Result<Vec<_>, _>>()?;
            Ok(Middleware::Chain(Chain::new(steps)))
        }
        Spec::Invalid(reason) => Err(MiddlewareError::Invalid(reason.clone())),
        _ => Err(MiddlewareError::Invalid("not compiled".to_owned())),
    }
}
