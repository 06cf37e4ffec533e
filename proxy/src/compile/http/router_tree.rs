//! Routers below others (`parentRefs`): which are below which, and which of them cannot be reached.

use super::rule::HttpRule;
use crate::compile::lookup::Lookup;
use crate::compile::names::{ByName, Names};
use flow_model::config::Router;
use flow_model::name::{Name, provider, qualify};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The number of routers that may be below each other.
const MAX_DEPTH: usize = 32;

/// A router below another one.
#[derive(Clone, Debug)]
pub(in crate::compile) struct InnerSource {
    pub(super) name: Name,
    pub(super) router: Arc<Router>,
    pub(super) rule: HttpRule,
}

impl PartialEq for InnerSource {
    /// By identity: another router of that name is another one.
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && Arc::ptr_eq(&self.router, &other.router)
    }
}

/// The place of a router among others.
#[derive(Debug, Default, PartialEq)]
pub(in crate::compile) struct Place {
    /// The routers right below it, by name.
    pub(super) below: Vec<Name>,
    /// For a router on entry points: all routers below it at any depth, in the order of their names.
    all_below: Vec<InnerSource>,
    /// The reasons why it cannot be below another one.
    pub(super) errors: Vec<String>,
    /// True if it is below another one, and requests can reach it.
    pub(super) is_reached: bool,
}

impl Place {
    /// The router of this name below one on entry points, at any depth.
    pub(super) fn inner(&self, name: &Name) -> Option<&InnerSource> {
        let at = self.all_below.binary_search_by(|source| source.name.cmp(name)).ok()?;
        self.all_below.get(at)
    }
}

/// A router below another one, while places are found.
struct Inner {
    source: InnerSource,
    /// The number of its parents that are below others themselves.
    inner_parents: usize,
    /// True if nothing but its parents can keep it from being served.
    may_be_served: bool,
}

/// Returns the place of every router that is below another one or above one.
pub(super) fn places<'a>(
    routers: impl Iterator<Item = (&'a Name, &'a Router, &'a HttpRule)>,
    lookup: Lookup<'_>,
) -> ByName<Arc<Place>> {
    let (mut all, mut places) = (BTreeMap::new(), ByName::<Place>::default());
    for (name, _, rule) in routers.filter(|(_, router, _)| !router.parent_refs.is_empty()) {
        let Some(router) = lookup.router(name) else { continue };
        let (mut errors, mut parents, mut inner_parents) = (of_its_own(router), 0, 0);
        let mut may_be_served = errors.is_empty();
        for parent in parents_of(name, router) {
            let Some(above) = lookup.router(&parent) else {
                errors.push(format!("the parent router \"{parent}\" does not exist"));
                continue;
            };
            parents += 1;
            inner_parents += usize::from(!above.parent_refs.is_empty());
            places.entry(parent).or_default().below.push(Arc::clone(name));
        }
        may_be_served &= parents > 0;
        places.entry(Arc::clone(name)).or_default().errors = errors;
        let source = InnerSource { name: Arc::clone(name), router: Arc::clone(router), rule: rule.clone() };
        all.insert(Arc::clone(name), Inner { source, inner_parents, may_be_served });
    }
    for place in places.values_mut() {
        place.below.sort_unstable();
    }
    let reached = reached(&all, &places);
    for name in all.keys() {
        let Some(place) = places.get_mut(name) else { continue };
        place.is_reached = reached.contains(name);
        if !place.is_reached && place.errors.is_empty() {
            place.errors.push(format!(
                "no router on an entry point leads to it: those above it cannot be reached, are below each other, or are more than {MAX_DEPTH}"
            ));
        }
    }
    let roots: Vec<_> = places.keys().filter(|name| !all.contains_key(*name)).cloned().collect();
    for root in roots {
        let all_below = all_below(&root, &all, &places, &reached);
        if let Some(place) = places.get_mut(&root) {
            place.all_below = all_below;
        }
    }
    places.into_iter().map(|(name, place)| (name, Arc::new(place))).collect()
}

fn parents_of(name: &Name, router: &Router) -> Vec<Name> {
    let mut parents: Vec<_> = router.parent_refs.iter().map(|parent| qualify(parent, provider(name))).collect();
    parents.sort_unstable();
    parents.dedup();
    parents
}

/// Returns what a router below another one must leave to the one on the entry points, as in Traefik.
fn of_its_own(router: &Router) -> Vec<String> {
    [
        (!router.entry_points.is_empty(), "entry points"),
        (router.tls.is_some(), "TLS settings"),
        (router.observability.is_some(), "observability settings"),
    ]
    .into_iter()
    .filter(|(set, _)| *set)
    .map(|(_, what)| format!("a router with parentRefs cannot have {what} of its own"))
    .collect()
}

/// Returns the routers whose parents, as far as they exist, can all be reached: none is in a ring, or below one.
fn reached(all: &BTreeMap<Name, Inner>, places: &ByName<Place>) -> Names {
    let served = || all.iter().filter(|(_, inner)| inner.may_be_served);
    let mut waiting: ByName<usize> = served().map(|(name, inner)| (Arc::clone(name), inner.inner_parents)).collect();
    let mut ready: Vec<_> = served().filter(|(_, inner)| inner.inner_parents == 0).map(|(name, _)| name).collect();
    let mut reached = Names::default();
    for _ in 0..MAX_DEPTH {
        for name in std::mem::take(&mut ready) {
            for below in places.get(name).into_iter().flat_map(|place| &place.below) {
                if let Some(count) = waiting.get_mut(below) {
                    *count -= 1;
                    if *count == 0 {
                        ready.push(below);
                    }
                }
            }
            reached.insert(Arc::clone(name));
        }
    }
    reached
}

fn all_below(root: &Name, all: &BTreeMap<Name, Inner>, places: &ByName<Place>, reached: &Names) -> Vec<InnerSource> {
    let mut seen = Names::default();
    let mut open = vec![root];
    while let Some(name) = open.pop() {
        for below in places.get(name).into_iter().flat_map(|place| &place.below) {
            if reached.contains(below) && seen.insert(Arc::clone(below)) {
                open.push(below);
            }
        }
    }
    let mut all_below: Vec<_> =
        seen.iter().filter_map(|name| all.get(name)).map(|inner| inner.source.clone()).collect();
    all_below.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    all_below
}
