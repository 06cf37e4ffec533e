//! Middlewares, built for a router or for a service that others use. One whose specification is the same as before
//! stays the same object: its counters live on. One without state is the same object for all of them.

use super::objects::HttpDependency;
use super::shared_steps::SharedSteps;
use crate::compile::lookup::Lookup;
use crate::forward::fetch;
use crate::service::Child;
use flow_middleware::{Middleware as Step, MiddlewareError, Resolve, Service, compile};
use flow_model::diagnostic::causes;
use flow_model::middleware::Middleware;
use flow_model::name::{Name, provider, qualify};
use std::sync::Arc;

/// A middleware's name, its specification, and the step built from it.
pub(super) type NamedStep = (Name, Arc<Middleware>, Arc<Step>);

/// The most middlewares that one chain may lead to.
const MAX_STEPS: usize = 256;

/// The parts of middlewares that others share: the services that they ask, and middlewares without state.
pub(super) trait SharedParts {
    /// The service of this qualified name, with its own middlewares. Adds what it was made from to `dependencies`.
    ///
    /// # Errors
    /// The reason, for whoever looks at the middleware.
    fn child(
        &mut self,
        name: &Name,
        lookup: Lookup<'_>,
        dependencies: &mut Vec<HttpDependency>,
    ) -> Result<Arc<Child>, String>;

    /// The middlewares that routers and services share.
    fn shared_steps(&mut self) -> &mut SharedSteps;
}

/// Builds the steps of one router or service.
pub(super) struct StepBuilder<'a, 'b> {
    pub(super) lookup: Lookup<'b>,
    pub(super) shared: &'a mut dyn SharedParts,
    /// The steps from before.
    pub(super) old: &'a [NamedStep],
    pub(super) dependencies: &'a mut Vec<HttpDependency>,
    /// All steps that were built, members of chains among them.
    pub(super) built: &'a mut Vec<NamedStep>,
}

impl StepBuilder<'_, '_> {
    /// The middleware of this qualified name, as it was if its specification and those of its members are the same.
    ///
    /// # Errors
    /// If it does not exist, or is invalid.
    pub(super) fn step(&mut self, name: &Name) -> Result<Arc<Step>, MiddlewareError> {
        let limit = self.built.len() + MAX_STEPS;
        self.step_at(name, 0, limit)
    }

    /// The middleware `depth` chains below; no more than `limit` steps may be built.
    fn step_at(&mut self, name: &Name, depth: usize, limit: usize) -> Result<Arc<Step>, MiddlewareError> {
        /// Chains of chains: deeper than this is a chain that holds itself.
        const MAX_DEPTH: usize = 32;
        if depth > MAX_DEPTH {
            return Err(MiddlewareError::Invalid(format!("middleware \"{name}\" holds itself")));
        }
        // A chain that names another one twice, which does the same, and so on, has as many members as will fit.
        if self.built.len() >= limit {
            let message = format!("more than {MAX_STEPS} middlewares in chains of chains");
            return Err(MiddlewareError::Invalid(message));
        }
        let spec = self.lookup.middleware(name).cloned();
        self.dependencies.push(HttpDependency::Middleware(Arc::clone(name), spec.clone()));
        let Some(spec) = spec else {
            return Err(MiddlewareError::Invalid(format!("middleware \"{name}\" does not exist")));
        };
        // Their members, and the services that they ask, may be others now.
        let has_parts = matches!(*spec, Middleware::Chain(_) | Middleware::Errors(_));
        let unchanged = |(old_name, old, _): &&NamedStep| old_name == name && (Arc::ptr_eq(old, &spec) || *old == spec);
        let old = self.old.iter().find(unchanged).filter(|_| !has_parts).map(|(_, _, step)| step);
        let step = match old.or_else(|| self.shared.shared_steps().find(name, &spec)) {
            Some(step) => Arc::clone(step),
            None => {
                if let Middleware::ForwardAuth(auth) = &*spec
                    && let Some(tls) = &auth.tls
                {
                    fetch::check(tls).map_err(|error| {
                        MiddlewareError::Invalid(format!("middleware \"{name}\": tls: {}", causes(&error)))
                    })?;
                }
                let mut members = Members { of: provider(name), depth: depth + 1, limit, builder: self };
                let step = Arc::new(compile(&spec, name, &mut members)?);
                self.shared.shared_steps().insert(name, &spec, &step);
                step
            }
        };
        self.built.push((Arc::clone(name), spec, Arc::clone(&step)));
        Ok(step)
    }
}

/// Finds the objects that a middleware names.
struct Members<'a, 'b, 'c> {
    builder: &'a mut StepBuilder<'b, 'c>,
    /// The middleware's provider.
    of: &'a str,
    depth: usize,
    limit: usize,
}

impl Resolve for Members<'_, '_, '_> {
    fn middleware(&mut self, name: &Name) -> Result<Arc<Step>, MiddlewareError> {
        self.builder.step_at(&qualify(name, self.of), self.depth, self.limit)
    }

    fn service(&mut self, name: &Name) -> Result<Arc<dyn Service>, MiddlewareError> {
        let StepBuilder { shared, lookup, dependencies, .. } = &mut *self.builder;
        let child = shared.child(&qualify(name, self.of), *lookup, dependencies);
        child.map(|child| child as Arc<dyn Service>).map_err(MiddlewareError::Invalid)
    }
}
