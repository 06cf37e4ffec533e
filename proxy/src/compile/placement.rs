//! Assigns routers to entry points, and applies the defaults of these.
//!
//! Traefik applies the "model" of an entry point (its `http.tls`, `http.middlewares`, observability) to every router on
//! it; a router on several entry points is then split, one instance for each entry point that has a model.

use super::tls_options::{Conflict, Outcome};
use flow_model::config::{Router, RouterTls, RuleSyntax};
use flow_model::entry_point::EntryPoint;
use flow_model::name::Name;
use flow_model::runtime::Inherited;
use std::sync::Arc;

/// The entry points of an instance of a router. Routers on the same entry points mostly share one.
#[derive(Debug, PartialEq)]
pub(crate) struct Placement {
    /// The entry points' additions to a router.
    pub(crate) inherited: Arc<Inherited>,
    /// Indexes of the entry points that serve it, in the list of all.
    pub(crate) indexes: Vec<usize>,
    /// The errors about them.
    pub(crate) errors: Vec<String>,
}

/// The name and the entry points of an instance of a router.
#[derive(Clone, Debug)]
pub(crate) struct PlacedRouter {
    /// Qualified name, with the entry point before it where the router was split.
    pub(crate) name: Name,
    pub(crate) placement: Arc<Placement>,
    /// Conflicts about its TLS options.
    pub(crate) conflicts: Box<[Conflict]>,
}

/// The settings common to all routers of an installation.
#[derive(Debug)]
pub(crate) struct Defaults {
    entry_points: Arc<[Arc<EntryPoint>]>,
    /// Entry points of routers that do not name any, sorted.
    unnamed: Vec<Name>,
    /// The rule syntax of routers that do not name one, if configured.
    syntax: Option<RuleSyntax>,
    /// Each entry point alone, with its model.
    alone: Vec<Arc<Placement>>,
    /// Those of `unnamed` that have no model, together.
    together: Arc<Placement>,
}

impl Defaults {
    /// Routers that do not name an entry point use those marked `asDefault`, else all but `traefik`, which is for the
    /// API.
    pub(crate) fn new(entry_points: Arc<[Arc<EntryPoint>]>, syntax: Option<RuleSyntax>) -> Self {
        let marked = entry_points.iter().any(|e| e.as_default);
        let mut unnamed: Vec<Name> = entry_points
            .iter()
            .filter(|e| if marked { e.as_default } else { &*e.name != "traefik" })
            .map(|e| Arc::clone(&e.name))
            .collect();
        unnamed.sort();
        let together = Arc::new(placement(&entry_points, syntax, &[], None));
        let mut this = Self { entry_points, unnamed, syntax, alone: Vec::new(), together };
        this.alone = (0..this.entry_points.len())
            .map(|index| {
                let model = Some(index).filter(|_| this.entry_points[index].has_model);
                Arc::new(placement(&this.entry_points, syntax, &[this.name(index)], model))
            })
            .collect();
        let plain: Vec<Name> = this.unnamed.iter().filter(|name| !this.has_model(name)).cloned().collect();
        this.together = Arc::new(placement(&this.entry_points, syntax, &plain, None));
        this
    }

    /// The name of the entry point at an index.
    pub(crate) fn name(&self, index: usize) -> Name {
        Arc::clone(&self.entry_points[index].name)
    }

    /// The entry points that a router names, or the default ones.
    fn wanted<'a>(&'a self, router: &'a Router) -> &'a [Name] {
        if router.entry_points.is_empty() { &self.unnamed } else { &router.entry_points }
    }

    /// The entry points on which a router is a TLS router, with its TLS settings there.
    pub(crate) fn tls_of<'a>(&'a self, router: &'a Router) -> impl Iterator<Item = (&'a Name, &'a RouterTls)> {
        self.wanted(router).iter().filter_map(|name| {
            let model = || index_of(&self.entry_points, name).and_then(|p| self.entry_points[p].http.tls.as_ref());
            Some((name, router.tls.as_deref().or_else(model)?))
        })
    }

    fn has_model(&self, name: &str) -> bool {
        index_of(&self.entry_points, name).is_some_and(|index| self.entry_points[index].has_model)
    }

    /// The instances of a router, at least one. Every entry point on which a conflict takes its TLS
    /// options away (see [`super::tls_options`]) gets an instance under a name that says so.
    pub(crate) fn place(&self, name: &Name, router: &Router, conflicts: &[Conflict]) -> Vec<PlacedRouter> {
        let of = |entry_points: &[Name]| -> Box<[Conflict]> {
            conflicts.iter().filter(|conflict| entry_points.contains(&conflict.entry_point)).cloned().collect()
        };
        let wanted = self.wanted(router);
        let mut split = Vec::new();
        let mut together = Vec::new();
        for entry_point in wanted {
            let has_model = self.has_model(entry_point);
            let of_model =
                if has_model && wanted.len() > 1 { format!("{entry_point}-{name}").into() } else { Arc::clone(name) };
            let conflicts = of(std::slice::from_ref(entry_point));
            if conflicts.iter().any(|conflict| conflict.outcome != Outcome::Kept) {
                let name = Name::from(format!("{entry_point}-conflicted-{of_model}"));
                split.push(PlacedRouter { name, placement: self.alone(entry_point), conflicts });
            } else if has_model {
                split.push(PlacedRouter { name: of_model, placement: self.alone(entry_point), conflicts });
            } else {
                together.push(Arc::clone(entry_point));
            }
        }
        if !together.is_empty() || split.is_empty() {
            let same = self.together.inherited.entry_points == together;
            let placement = if same {
                Arc::clone(&self.together)
            } else {
                Arc::new(placement(&self.entry_points, self.syntax, &together, None))
            };
            let conflicts = of(&placement.inherited.entry_points);
            split.push(PlacedRouter { name: Arc::clone(name), placement, conflicts });
        }
        split
    }

    fn alone(&self, entry_point: &Name) -> Arc<Placement> {
        match index_of(&self.entry_points, entry_point) {
            Some(index) => Arc::clone(&self.alone[index]),
            None => Arc::new(placement(&self.entry_points, self.syntax, std::slice::from_ref(entry_point), None)),
        }
    }
}

fn index_of(all: &[Arc<EntryPoint>], name: &str) -> Option<usize> {
    all.iter().position(|entry_point| &*entry_point.name == name)
}

/// A router on `entry_points`, with the model of the one at index `model`.
fn placement(
    all: &[Arc<EntryPoint>],
    syntax: Option<RuleSyntax>,
    entry_points: &[Name],
    model: Option<usize>,
) -> Placement {
    let mut errors = Vec::new();
    let mut indexes = Vec::new();
    for entry_point in entry_points {
        match index_of(all, entry_point) {
            Some(index) => indexes.push(index),
            None => errors.push(format!("entryPoint \"{entry_point}\" doesn't exist")),
        }
    }
    if indexes.is_empty() {
        errors.push("no valid entryPoint for this router".to_owned());
    }
    let mut inherited = Inherited {
        entry_points: entry_points.to_vec(),
        using: indexes.iter().map(|index| Arc::clone(&all[*index].name)).collect(),
        rule_syntax: syntax,
        ..Inherited::default()
    };
    if let Some(model) = model.map(|index| &all[index]) {
        inherited.tls.clone_from(&model.http.tls);
        inherited.middlewares.clone_from(&model.http.middlewares);
        inherited.observability.clone_from(&model.observability);
    }
    Placement { inherited: Arc::new(inherited), indexes, errors }
}
