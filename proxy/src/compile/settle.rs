//! Which entry points serve a router, and with which of their defaults.
//!
//! Traefik applies the "model" of an entry point (its `http.tls`, `http.middlewares`, observability) to every router on
//! it; a router on several entry points is then split, one copy for each entry point that has a model.

use flow_model::config::{Router, RouterObservability, RouterTls, RuleSyntax};
use flow_model::entry_point::EntryPoint;
use flow_model::name::Name;
use std::sync::Arc;

/// A router whose entry points and defaults are settled.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settled {
    /// Qualified name, with the entry point before it where the router was split.
    pub(crate) name: Name,
    /// The router as the API shows it.
    pub(crate) router: Arc<Router>,
    /// Places of the entry points that serve it, in the list of all.
    pub(crate) entry_points: Vec<usize>,
    /// What is wrong with its entry points.
    pub(crate) errors: Vec<String>,
}

/// What holds for every router of an installation.
#[derive(Debug)]
pub(crate) struct Defaults {
    entry_points: Arc<[Arc<EntryPoint>]>,
    /// Entry points of routers that name none, sorted.
    unnamed: Vec<Name>,
    /// The rule syntax of routers that name none, where it is not v3.
    syntax: Option<RuleSyntax>,
}

impl Defaults {
    /// Routers that name no entry point use those marked `asDefault`, else all but `traefik`, which is for the API.
    pub(crate) fn new(entry_points: Arc<[Arc<EntryPoint>]>, syntax: RuleSyntax) -> Self {
        let marked = entry_points.iter().any(|e| e.as_default);
        let mut unnamed: Vec<Name> = entry_points
            .iter()
            .filter(|e| if marked { e.as_default } else { &*e.name != "traefik" })
            .map(|e| Arc::clone(&e.name))
            .collect();
        unnamed.sort();
        Self { entry_points, unnamed, syntax: (syntax == RuleSyntax::V2).then_some(syntax) }
    }

    /// The name of the entry point at a place.
    pub(crate) fn name(&self, place: usize) -> Name {
        Arc::clone(&self.entry_points[place].name)
    }

    /// The entry points that a router names, or the default ones.
    fn wanted<'a>(&'a self, router: &'a Router) -> &'a [Name] {
        if router.entry_points.is_empty() { &self.unnamed } else { &router.entry_points }
    }

    /// The entry points on which a router is a TLS router, with what it wants there.
    pub(crate) fn tls_of<'a>(&'a self, router: &'a Router) -> impl Iterator<Item = (&'a Name, &'a RouterTls)> {
        self.wanted(router).iter().filter_map(|name| {
            let model = || self.entry_point(name).and_then(|place| self.entry_points[place].http.tls.as_ref());
            Some((name, router.tls.as_ref().or_else(model)?))
        })
    }

    fn entry_point(&self, name: &str) -> Option<usize> {
        self.entry_points.iter().position(|e| &*e.name == name)
    }

    /// The copies of a router that are served, at least one. `conflicted` says that its TLS options cannot be used
    /// on the entry points (see [`super::tls_options`]): every entry point then gets a copy under a telling name.
    pub(crate) fn settle(&self, name: &Name, router: &Arc<Router>, conflicted: &[Name]) -> Vec<Settled> {
        let wanted = self.wanted(router);
        let mut split = Vec::new();
        let mut together = Vec::new();
        for entry_point in wanted {
            let place = self.entry_point(entry_point);
            let has_model = place.is_some_and(|p| self.entry_points[p].has_model);
            if conflicted.contains(entry_point) {
                let name = Name::from(format!("{entry_point}-conflicted-{name}"));
                split.push(self.copy(name, router, std::slice::from_ref(entry_point), place.filter(|_| has_model)));
            } else if has_model {
                let name =
                    if wanted.len() > 1 { Name::from(format!("{entry_point}-{name}")) } else { Arc::clone(name) };
                split.push(self.copy(name, router, std::slice::from_ref(entry_point), place));
            } else {
                together.push(Arc::clone(entry_point));
            }
        }
        if !together.is_empty() || split.is_empty() {
            split.push(self.copy(Arc::clone(name), router, &together, None));
        }
        split
    }

    fn copy(&self, name: Name, router: &Router, entry_points: &[Name], model: Option<usize>) -> Settled {
        let mut copy = router.clone();
        copy.entry_points = entry_points.to_vec();
        if copy.rule_syntax.is_none() {
            copy.rule_syntax = self.syntax;
        }
        if copy.priority == 0 {
            copy.priority = i64::try_from(copy.rule.len()).unwrap_or(i64::MAX);
        }
        let mut observability = copy.observability.take().unwrap_or_default();
        if let Some(model) = model.map(|place| &self.entry_points[place]) {
            if copy.tls.is_none() {
                copy.tls.clone_from(&model.http.tls);
            }
            copy.middlewares = model.http.middlewares.iter().cloned().chain(copy.middlewares).collect();
            inherit(&mut observability, &model.observability);
        }
        observability.access_logs.get_or_insert(true);
        observability.metrics.get_or_insert(true);
        observability.tracing.get_or_insert(true);
        observability.trace_verbosity.get_or_insert_default();
        copy.observability = Some(observability);

        let mut errors = Vec::new();
        let mut places = Vec::new();
        for entry_point in entry_points {
            match self.entry_point(entry_point) {
                Some(place) => places.push(place),
                None => errors.push(format!("entryPoint \"{entry_point}\" doesn't exist")),
            }
        }
        if places.is_empty() {
            errors.push("no valid entryPoint for this router".to_owned());
        }
        Settled { name, router: Arc::new(copy), entry_points: places, errors }
    }
}

fn inherit(router: &mut RouterObservability, entry_point: &RouterObservability) {
    router.access_logs = router.access_logs.or(entry_point.access_logs);
    router.metrics = router.metrics.or(entry_point.metrics);
    router.tracing = router.tracing.or(entry_point.tracing);
    router.trace_verbosity = router.trace_verbosity.or(entry_point.trace_verbosity);
}
