//! All routers of one protocol. A change costs what it changes: a router is built again only if it is another, if an
//! object that it was built from is, or if a decision on it is.

use super::dependents::Dependents;
use super::lookup::{Dependency, Lookup, ObjectRef};
use super::names::{ByName, Names};
use super::protocol::{Builder, Built, Change, Instance, Protocol};
use flow_model::name::Name;
use std::sync::Arc;

/// One router as its provider has it, and its instances.
struct RouterState<P: Protocol> {
    source: Arc<P::Router>,
    rule: P::Rule,
    decision: Option<P::Decision>,
    /// At least one once it has been built.
    instances: Box<[Instance<P>]>,
    /// Everything that the instances were built from, each once.
    dependencies: Box<[P::Dependency]>,
}

/// The routers that a change has built or removed.
pub(super) struct Rebuilt<P: Protocol> {
    /// Their names.
    pub(super) names: Vec<Name>,
    /// Their instances from before.
    pub(super) gone: Vec<Instance<P>>,
    /// Objects that one of them was built from before and is not now.
    dropped: Vec<ObjectRef>,
}

/// All routers of one protocol, and the objects that they were built from.
pub(super) struct RouterSet<P: Protocol> {
    /// The parts that the routers share.
    pub(super) protocol: P,
    states: ByName<Box<RouterState<P>>>,
    dependents: Dependents,
}

impl<P: Protocol> RouterSet<P> {
    /// A set without routers.
    pub(super) fn new(protocol: P) -> Self {
        Self { protocol, states: ByName::default(), dependents: Dependents::default() }
    }

    /// The number of routers.
    pub(super) fn len(&self) -> usize {
        self.states.len()
    }

    /// The instances of these routers.
    pub(super) fn instances<'a>(
        &'a self,
        names: impl IntoIterator<Item = &'a Name> + 'a,
    ) -> impl Iterator<Item = &'a Instance<P>> {
        names.into_iter().filter_map(|name| self.states.get(name)).flat_map(|router| &router.instances)
    }

    /// Carries a change out.
    pub(super) fn update(&mut self, change: &Change<P::Router>, lookup: Lookup<'_, P::Config>) -> Rebuilt<P> {
        let mut rebuilt = Rebuilt { names: Vec::new(), gone: Vec::new(), dropped: Vec::new() };
        for (name, router) in &change.routers {
            match router {
                Some(router) => self.insert(name, router),
                None => self.remove(name, &mut rebuilt),
            }
        }
        let affected: Names = change.objects.iter().flat_map(|object| self.dependents.of(object)).cloned().collect();
        let routers = self.states.iter().map(|(name, router)| (name, &*router.source, &router.rule));
        let decided = self.protocol.decide(routers, change, lookup);
        let mut builder = self.protocol.builder(lookup);
        let changed = change.routers.iter().map(|(name, _)| (name, true));
        let affected = affected.iter().chain(&decided).map(|name| (name, false));
        for (name, is_changed) in changed.chain(affected) {
            // The set's own copy of the name.
            let Some((name, router)) = self.states.get_key_value_mut(name) else { continue };
            let decision = builder.decision(name);
            if is_changed || !router.is_current(decision.as_ref(), lookup) {
                let before = router.build(name, decision, &mut builder);
                rebuilt.dropped.extend(self.dependents.replace(name, &before.dependencies, &router.dependencies));
                rebuilt.gone.extend(before.instances);
                rebuilt.names.push(Name::clone(name));
            }
        }
        drop(builder);
        rebuilt.dropped.retain(|object| self.dependents.of(object).is_empty());
        self.protocol.release(&rebuilt.dropped);
        rebuilt
    }

    /// Inserts a router that is still to be built. Until then it has the instances of the one before.
    fn insert(&mut self, name: &Name, source: &Arc<P::Router>) {
        if let Some(router) = self.states.get_mut(name) {
            router.rule = self.protocol.read_rule(source, Some((&router.source, &router.rule)));
            router.source = Arc::clone(source);
        } else {
            let rule = self.protocol.read_rule(source, None);
            let (decision, instances, dependencies) = Default::default();
            let router = RouterState { source: Arc::clone(source), rule, decision, instances, dependencies };
            self.states.insert(Name::clone(name), Box::new(router));
        }
    }

    fn remove(&mut self, name: &Name, rebuilt: &mut Rebuilt<P>) {
        if let Some((name, router)) = self.states.remove_entry(name) {
            rebuilt.dropped.extend(self.dependents.replace(&name, &router.dependencies, &[]));
            rebuilt.gone.extend(router.instances);
            rebuilt.names.push(name);
        }
    }
}

impl<P: Protocol> RouterState<P> {
    /// True if nothing that the instances were built from has changed.
    fn is_current(&self, decision: Option<&P::Decision>, lookup: Lookup<'_, P::Config>) -> bool {
        self.decision.as_ref() == decision && self.dependencies.iter().all(|dependency| dependency.holds(lookup))
    }

    /// Builds the instances. Returns those from before, with what they were built from.
    fn build(&mut self, name: &Name, decision: Option<P::Decision>, builder: &mut P::Builder<'_>) -> Before<P> {
        let built = builder.build(name, &self.source, &self.rule, decision.as_ref(), &self.instances);
        let Built { instances, mut dependencies } = built;
        dependencies.sort_unstable_by_key(Dependency::object);
        dependencies.dedup_by(|a, b| a.object() == b.object());
        self.decision = decision;
        Before {
            instances: std::mem::replace(&mut self.instances, instances),
            dependencies: std::mem::replace(&mut self.dependencies, dependencies.into()),
        }
    }
}

/// The parts of a router from before it was built.
struct Before<P: Protocol> {
    instances: Box<[Instance<P>]>,
    dependencies: Box<[P::Dependency]>,
}
