//! Routers below others (`parentRefs`): which are below which, and which of them cannot be reached.

use super::rule::HttpRule;
use crate::compile::lookup::Lookup;
use crate::compile::names::{ByName, Names};
use flow_model::config::Router;
use flow_model::name::{Name, provider, qualify};
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
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::compile) struct Place {
    /// The routers right below it, by name.
    pub(super) below: Vec<Name>,
    /// For a router on entry points: all routers below it at any depth, in the order of their names.
    pub(super) all_below: Vec<InnerSource>,
    /// The reasons why it cannot be below another one.
    pub(super) errors: Vec<String>,
    /// True if it is below another one, and requests can reach it.
    pub(super) is_reached: bool,
}

/// Returns the place of every router that is below another one or above one.
pub(super) fn places<'a>(
    routers: impl Iterator<Item = (&'a Name, &'a Router, &'a HttpRule)>,
    lookup: Lookup<'_>,
) -> ByName<Place> {
    let mut inner: ByName<InnerSource> = ByName::default();
    for (name, _, rule) in routers.filter(|(_, router, _)| !router.parent_refs.is_empty()) {
        if let Some(router) = lookup.router(name) {
            let source = InnerSource { name: Arc::clone(name), router: Arc::clone(router), rule: rule.clone() };
            inner.insert(Arc::clone(name), source);
        }
    }
    let mut places: ByName<Place> = ByName::default();
    let mut sorted: Vec<_> = inner.keys().cloned().collect();
    sorted.sort_unstable();
    for name in &sorted {
        let Some(source) = inner.get(name) else { continue };
        let mut errors = of_its_own(&source.router);
        for parent in parents(source) {
            if lookup.router(&parent).is_some() {
                places.entry(parent).or_default().below.push(Arc::clone(name));
            } else {
                errors.push(format!("the parent router \"{parent}\" does not exist"));
            }
        }
        places.entry(Arc::clone(name)).or_default().errors.extend(errors);
    }
    let reached = reached(&sorted, &inner, &places);
    for name in &sorted {
        let Some(place) = places.get_mut(name) else { continue };
        place.is_reached = reached.contains(name);
        if !place.is_reached && place.errors.is_empty() {
            let reason = format!(
                "no router on an entry point leads to it: those above it cannot be reached, are below each other, or are more than {MAX_DEPTH}"
            );
            place.errors.push(reason);
        }
    }
    let roots: Vec<_> = places.keys().filter(|name| !inner.contains_key(*name)).cloned().collect();
    for root in roots {
        let all_below = all_below(&root, &inner, &places, &reached);
        if let Some(place) = places.get_mut(&root) {
            place.all_below = all_below;
        }
    }
    places
}

fn parents(source: &InnerSource) -> Vec<Name> {
    let mut parents: Vec<_> =
        source.router.parent_refs.iter().map(|parent| qualify(parent, provider(&source.name))).collect();
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
fn reached(sorted: &[Name], inner: &ByName<InnerSource>, places: &ByName<Place>) -> Names {
    let mut waiting: ByName<usize> = ByName::default();
    let mut ready = Vec::new();
    for name in sorted {
        let Some(source) = inner.get(name) else { continue };
        let stands = |parent: &Name| places.get(parent).is_some_and(|place| place.below.contains(name));
        let above: Vec<_> = parents(source).into_iter().filter(stands).collect();
        let unusable = above.is_empty() || !of_its_own(&source.router).is_empty();
        let count = above.iter().filter(|parent| inner.contains_key(*parent)).count();
        if unusable {
            continue;
        }
        waiting.insert(Arc::clone(name), count);
        if count == 0 {
            ready.push(Arc::clone(name));
        }
    }
    let mut reached = Names::default();
    for _ in 0..MAX_DEPTH {
        for name in std::mem::take(&mut ready) {
            for below in places.get(&name).into_iter().flat_map(|place| &place.below) {
                if let Some(count) = waiting.get_mut(below) {
                    *count -= 1;
                    if *count == 0 {
                        ready.push(Arc::clone(below));
                    }
                }
            }
            reached.insert(name);
        }
    }
    reached
}

fn all_below(root: &Name, inner: &ByName<InnerSource>, places: &ByName<Place>, reached: &Names) -> Vec<InnerSource> {
    let mut seen = Names::default();
    let mut open = vec![root];
    while let Some(name) = open.pop() {
        for below in places.get(name).into_iter().flat_map(|place| &place.below) {
            if reached.contains(below) && seen.insert(Arc::clone(below)) {
                open.push(below);
            }
        }
    }
    let mut all: Vec<_> = seen.iter().filter_map(|name| inner.get(name)).cloned().collect();
    all.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    all
}
