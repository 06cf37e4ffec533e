//! The middlewares of a router. One whose specification is the same as before stays the same object: its counters live on.

use super::build::Build;
use crate::compile::lookup::Dependency;
use crate::forward::fetch;
use flow_middleware::{Middleware as Step, MiddlewareError, compile};
use flow_model::diagnostic::causes;
use flow_model::middleware::{ForwardAuth, Middleware};
use flow_model::name::{Name, provider, qualify};
use hashbrown::HashMap;
use std::sync::Arc;

/// A middleware's name, its specification, and the step built from it.
pub(super) type NamedStep = (Name, Arc<Middleware>, Arc<Step>);
/// The steps of the instances that are replaced, by the names of the instance and of the middleware.
pub(super) type OldSteps = HashMap<(Name, Name), (Arc<Middleware>, Arc<Step>)>;

impl Build<'_, '_> {
    /// One middleware of this router, as it was if its specification and those of its members are the same.
    pub(super) fn step(&mut self, name: &Name) -> Option<Arc<Step>> {
        match self.make_step(name, 0) {
            Ok(step) => Some(step),
            Err(error) => {
                let reason = causes(&error);
                if self.with.lookup.middleware(name).is_some() {
                    self.broken.middlewares.push((Arc::clone(name), reason.clone()));
                }
                self.errors.push(reason);
                None
            }
        }
    }

    fn make_step(&mut self, name: &Name, depth: usize) -> Result<Arc<Step>, MiddlewareError> {
        /// Chains of chains: deeper than this is a chain that holds itself.
        const DEEPEST: usize = 32;
        if depth > DEEPEST {
            return Err(MiddlewareError::Invalid(format!("middleware \"{name}\" holds itself")));
        }
        let spec = self.with.lookup.middleware(name).cloned();
        self.dependencies.push(Dependency::Middleware(Arc::clone(name), spec.clone()));
        let Some(spec) = spec else {
            return Err(MiddlewareError::Invalid(format!("middleware \"{name}\" does not exist")));
        };
        let is_chain = matches!(*spec, Middleware::Chain(_));
        let key = (Arc::clone(&self.settled.name), Arc::clone(name));
        let old = self.old_steps.get(&key).filter(|(old, _)| !is_chain && (Arc::ptr_eq(old, &spec) || *old == spec));
        let step = match old {
            Some((_, step)) => Arc::clone(step),
            None => {
                if let Middleware::ForwardAuth(ForwardAuth { tls: Some(tls), .. }) = &*spec {
                    fetch::check(tls).map_err(|error| {
                        MiddlewareError::Invalid(format!("middleware \"{name}\": tls: {}", causes(&error)))
                    })?;
                }
                let of = provider(name).to_owned();
                Arc::new(compile(&spec, name, &mut |member| self.make_step(&qualify(member, &of), depth + 1))?)
            }
        };
        self.steps.push((Arc::clone(name), spec, Arc::clone(&step)));
        Ok(step)
    }
}
