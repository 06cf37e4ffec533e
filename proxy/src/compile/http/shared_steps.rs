use crate::compile::names::ByName;
use flow_middleware::Middleware as Step;
use flow_model::middleware::Middleware;
use flow_model::name::Name;
use std::sync::Arc;

/// Middlewares without state of their own, each built once for all routers that use it.
#[derive(Debug, Default)]
pub(super) struct SharedSteps(ByName<(Arc<Middleware>, Arc<Step>)>);

impl SharedSteps {
    /// The one of this name, if it was built from this specification.
    pub(super) fn find(&self, name: &Name, spec: &Arc<Middleware>) -> Option<&Arc<Step>> {
        let (built_from, step) = self.0.get(name)?;
        (Arc::ptr_eq(built_from, spec) || built_from == spec).then_some(step)
    }

    /// Keeps one for the next routers, unless it has state.
    pub(super) fn insert(&mut self, name: &Name, spec: &Arc<Middleware>, step: &Arc<Step>) {
        if !step.has_state() {
            self.0.insert(Arc::clone(name), (Arc::clone(spec), Arc::clone(step)));
        }
    }

    /// Removes those that no router uses any more.
    pub(super) fn sweep<'a>(&mut self, unused: impl Iterator<Item = &'a Name>) {
        for name in unused {
            self.0.remove(name);
        }
    }
}
