//! The parts of a protocol that the compiler must know: HTTP is one, and others may stand beside it.
//!
//! The bookkeeping is the same for all of them: which routers a change concerns, which entry points they go to, which
//! of their parts live on, and what the API shows of them.

use super::lookup::{Dependency, Lookup, ObjectRef};
use flow_model::config::Objects;
use flow_model::name::Name;
use flow_model::runtime::Status;
use std::sync::Arc;

/// A protocol. Its value holds the parts that its routers share from one configuration to the next.
pub(super) trait Protocol: Sized {
    /// The configuration that providers publish.
    type Config: Clone + Default;
    /// A router as its provider has it.
    type Router;
    /// A router's rule, compiled, or the reason why it cannot be used.
    type Rule: Clone;
    /// A decision on one router that depends on others.
    type Decision: PartialEq;
    /// An object that a router is built from.
    type Dependency: Dependency<Config = Self::Config>;
    /// The state of an instance of a router, as the API shows it.
    type Info;
    /// The parts of an instance that its successor may take over.
    type Kept;
    /// The routes of one entry point.
    type Table: Table;
    /// The part of the API's report that shows its objects.
    type Listing: Listing<Self>;
    /// The builder of routers during one change.
    type Builder<'a>: Builder<Self>
    where
        Self: 'a;

    /// The kind of its routers in diagnostics.
    const ROUTER_KIND: &'static str;

    /// The routers of a provider.
    fn routers(config: &Self::Config) -> &Objects<Self::Router>;

    /// The objects beside routers that differ between two configurations of one provider, by qualified names.
    fn changed_objects(before: &Self::Config, now: &Self::Config, provider: &str) -> Vec<ObjectRef>;

    /// Reads a router's rule. `previous` is the router from before with its rule, which is kept if the text is the same.
    fn read_rule(&self, router: &Self::Router, previous: Option<(&Self::Router, &Self::Rule)>) -> Self::Rule;

    /// Renews the decisions that depend on several routers. Returns the routers on which they differ from before.
    fn decide<'a>(
        &mut self,
        routers: impl Iterator<Item = (&'a Name, &'a Self::Router, &'a Self::Rule)> + Clone,
        change: &Change<Self::Router>,
        lookup: Lookup<'_, Self::Config>,
    ) -> Vec<Name>
    where
        Self: 'a;

    /// The builder of the routers that must be built.
    fn builder<'a>(&'a mut self, lookup: Lookup<'a, Self::Config>) -> Self::Builder<'a>;

    /// Drops the parts made from objects that no router is built from any more.
    fn release(&mut self, unused: &[ObjectRef]);

    /// The state of an instance, and its problems.
    fn state(info: &Self::Info) -> (Status, &[String]);
}

/// The differences between two configurations, by qualified names. `R` is a router.
pub(super) struct Change<R> {
    /// Changed routers, with their new value.
    pub(super) routers: Vec<(Name, Option<Arc<R>>)>,
    /// Changed objects that routers are built from.
    pub(super) objects: Vec<ObjectRef>,
}

/// Builds routers of one protocol.
pub(super) trait Builder<P: Protocol> {
    /// The decision on this router, if there is one.
    fn decision(&self, router: &Name) -> Option<P::Decision>;

    /// Builds the instances of a router, at least one. `old` are those from before.
    fn build(
        &mut self,
        name: &Name,
        router: &Arc<P::Router>,
        rule: &P::Rule,
        decision: Option<&P::Decision>,
        old: &[Instance<P>],
    ) -> Built<P>;
}

/// A router, built.
pub(super) struct Built<P: Protocol> {
    /// Its instances.
    pub(super) instances: Box<[Instance<P>]>,
    /// All objects that it was built from; one may occur several times.
    pub(super) dependencies: Vec<P::Dependency>,
}

/// A router on some of its entry points.
pub(super) struct Instance<P: Protocol> {
    /// Its qualified name.
    pub(super) name: Name,
    /// The indexes of its entry points in the list of all.
    pub(super) entry_points: Arc<[usize]>,
    /// True if it serves TLS connections.
    pub(super) tls: bool,
    /// Absent if it is disabled.
    pub(super) route: Option<Arc<Route<P>>>,
    /// Its state.
    pub(super) info: Arc<P::Info>,
    /// The parts that its successor may take over.
    pub(super) kept: P::Kept,
    /// The objects that it needs and that could not be built, each with the reason.
    pub(super) broken: Box<[(ObjectRef, String)]>,
}

/// The routes of one entry point, for one kind of connections.
pub(super) trait Table: Default {
    /// A route.
    type Route;

    /// This table without `gone`, which are in it, and with `new`, which are not.
    fn with(&self, gone: &[Arc<Self::Route>], new: &[Arc<Self::Route>]) -> Self;
}

/// A route of a protocol.
pub(super) type Route<P> = <<P as Protocol>::Table as Table>::Route;

/// The lists of a protocol's objects that the API shows.
pub(super) trait Listing<P: Protocol> {
    /// Shows an instance of a router.
    fn insert_router(&mut self, name: &Name, info: &Arc<P::Info>);

    /// Hides an instance, unless another is shown under its name.
    fn remove_router(&mut self, name: &Name, info: &Arc<P::Info>);

    /// Shows an object as it is now. `error` is the reason why it could not be built.
    fn update_object(&mut self, object: ObjectRef, error: Option<&String>, lookup: Lookup<'_, P::Config>);
}
