use super::condition::Condition;
use super::disjunct::{Disjunct, PathKey};
use super::path_index::PathIndex;
use super::route::Route;
use super::view::RequestView;
use std::sync::Arc;

/// Up to this number of entries a linear scan is as fast as an index.
const SHORT: usize = 8;

/// The alternatives of rules for the same host, in the order of their routes.
#[derive(Debug)]
pub(super) struct HostTable<T> {
    entries: Arc<[Entry<T>]>,
    index: Option<Arc<Index>>,
}

#[derive(Debug)]
pub(super) struct Entry<T> {
    pub(super) route: Arc<Route<T>>,
    path: PathKey,
    rest: Option<Arc<[Condition]>>,
}

#[derive(Debug)]
struct Index {
    paths: PathIndex,
    /// Entries without a path, in order.
    pathless: Box<[u32]>,
}

impl<T> HostTable<T> {
    pub(super) fn build(mut entries: Vec<Entry<T>>) -> Self {
        entries.sort_by(|a, b| a.route.order(&b.route));
        let index = (entries.len() > SHORT).then(|| {
            let numbered = || (0..).zip(entries.iter());
            let pathless = numbered().filter(|(_, entry)| matches!(entry.path, PathKey::Any));
            Arc::new(Index {
                paths: PathIndex::build(numbered().map(|(number, entry)| (number, &entry.path))),
                pathless: pathless.map(|(number, _)| number).collect(),
            })
        });
        Self { entries: entries.into(), index }
    }

    pub(super) fn entries(&self) -> &[Entry<T>] {
        &self.entries
    }

    /// The first route that takes the request and comes before `found`.
    pub(super) fn find(&self, request: &RequestView<'_>, found: Option<&Arc<Route<T>>>) -> Option<&Arc<Route<T>>> {
        let comes_before = |entry: &Entry<T>| found.is_none_or(|found| entry.route.is_before(found));
        let entry = match &self.index {
            None => {
                let candidates = self.entries.iter().take_while(|entry| comes_before(entry));
                candidates.into_iter().find(|entry| entry.path.matches(request) && entry.rest_holds(request))
            }
            Some(index) => {
                let limit = match found {
                    None => self.entries.len(),
                    Some(_) => self.entries.partition_point(comes_before),
                };
                let limit = u32::try_from(limit).unwrap_or(u32::MAX);
                index
                    .find(request, limit, |entry| {
                        self.entries.get(entry as usize).is_some_and(|entry| entry.rest_holds(request))
                    })
                    .and_then(|entry| self.entries.get(entry as usize))
            }
        };
        entry.map(|entry| &entry.route)
    }
}

impl Index {
    fn find(&self, request: &RequestView<'_>, limit: u32, holds: impl Fn(u32) -> bool) -> Option<u32> {
        let by_path = self.paths.find(request.path(), limit, &holds);
        let limit = by_path.unwrap_or(limit);
        let mut pathless = self.pathless.iter().copied().take_while(|entry| *entry < limit);
        pathless.find(|entry| holds(*entry)).or(by_path)
    }
}

impl<T> Entry<T> {
    pub(super) fn new(route: &Arc<Route<T>>, disjunct: &Disjunct) -> Self {
        Self { route: route.clone(), path: disjunct.path.clone(), rest: disjunct.rest.clone() }
    }

    fn rest_holds(&self, request: &RequestView<'_>) -> bool {
        self.rest.as_ref().is_none_or(|rest| rest.iter().all(|condition| condition.matches(request)))
    }
}

impl<T> Clone for HostTable<T> {
    fn clone(&self) -> Self {
        Self { entries: Arc::clone(&self.entries), index: self.index.clone() }
    }
}

impl<T> Clone for Entry<T> {
    fn clone(&self) -> Self {
        Self { route: self.route.clone(), path: self.path.clone(), rest: self.rest.clone() }
    }
}
