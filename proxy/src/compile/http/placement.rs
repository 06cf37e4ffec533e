//! Assigns routers of HTTP to entry points, and applies the defaults of these.
//!
//! Traefik applies the "model" of an entry point (its `http.tls`, `http.middlewares`, observability) to every router on
//! it; a router on several entry points is then split, one instance for each entry point that has a model.

use super::tls_options::{Conflict, Outcome};
use crate::compile::entry_points::{EntryPoints, Found};
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
    pub(crate) indexes: Arc<[usize]>,
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

/// The models of all entry points: what each of them adds to its routers.
#[derive(Debug)]
pub(crate) struct Models {
    entry_points: EntryPoints,
    /// The rule syntax of routers that do not name one, if configured.
    syntax: Option<RuleSyntax>,
    /// Each entry point alone, with its model.
    alone: Vec<(Name, Arc<Placement>)>,
    /// The default entry points that have no model, together.
    together: Arc<Placement>,
}

impl Models {
    /// The models of these entry points.
    pub(crate) fn new(entry_points: EntryPoints, syntax: Option<RuleSyntax>) -> Self {
        let alone = entry_points.iter().map(|entry_point| {
            let model = Some(&**entry_point).filter(|entry_point| entry_point.has_model);
            let names = std::slice::from_ref(&entry_point.name);
            (Arc::clone(&entry_point.name), Arc::new(placement(&entry_points, syntax, names, model)))
        });
        let alone = alone.collect();
        let has_model = |name: &Name| entry_points.named(name).is_some_and(|entry_point| entry_point.has_model);
        let plain: Vec<Name> = entry_points.unnamed().iter().filter(|name| !has_model(name)).cloned().collect();
        let together = Arc::new(placement(&entry_points, syntax, &plain, None));
        Self { entry_points, syntax, alone, together }
    }

    /// The entry points.
    pub(crate) fn entry_points(&self) -> &EntryPoints {
        &self.entry_points
    }

    /// The entry points on which a router is a TLS router, with its TLS settings there.
    pub(crate) fn tls_of<'a>(&'a self, router: &'a Router) -> impl Iterator<Item = (&'a Name, &'a RouterTls)> {
        // TLS is over before a router below another one is asked.
        let wanted = if router.parent_refs.is_empty() { self.entry_points.wanted(&router.entry_points) } else { &[] };
        wanted.iter().filter_map(|name| {
            let model = || self.entry_points.named(name).and_then(|entry_point| entry_point.http.tls.as_ref());
            Some((name, router.tls.as_deref().or_else(model)?))
        })
    }

    /// The instances of a router, at least one. Every entry point on which a conflict takes its TLS options away (see
    /// [`super::tls_options`]) gets an instance under a name that says so.
    pub(crate) fn place(&self, name: &Name, router: &Router, conflicts: &[Conflict]) -> Vec<PlacedRouter> {
        let of = |entry_points: &[Name]| -> Box<[Conflict]> {
            conflicts.iter().filter(|conflict| entry_points.contains(&conflict.entry_point)).cloned().collect()
        };
        if !router.parent_refs.is_empty() {
            // It is below another one, on whatever entry points that is.
            let inherited = Inherited {
                entry_points: router.entry_points.clone(),
                rule_syntax: self.syntax,
                ..Inherited::default()
            };
            let placement = Placement { inherited: Arc::new(inherited), indexes: Arc::default(), errors: Vec::new() };
            let (name, conflicts) = (Arc::clone(name), Box::default());
            return vec![PlacedRouter { name, placement: Arc::new(placement), conflicts }];
        }
        let wanted = self.entry_points.wanted(&router.entry_points);
        let mut split = Vec::new();
        let mut together = Vec::new();
        for entry_point in wanted {
            let has_model = self.entry_points.named(entry_point).is_some_and(|entry_point| entry_point.has_model);
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
        match self.alone.iter().find(|(name, _)| name == entry_point) {
            Some((_, placement)) => Arc::clone(placement),
            None => Arc::new(placement(&self.entry_points, self.syntax, std::slice::from_ref(entry_point), None)),
        }
    }
}

/// The placement of a router on the entry points of these names, with the model of one of them.
fn placement(all: &EntryPoints, syntax: Option<RuleSyntax>, names: &[Name], model: Option<&EntryPoint>) -> Placement {
    let Found { indexes, errors } = all.find(names);
    let mut inherited = Inherited {
        entry_points: names.to_vec(),
        using: names.iter().filter_map(|name| all.named(name)).map(|found| Arc::clone(&found.name)).collect(),
        rule_syntax: syntax,
        ..Inherited::default()
    };
    if let Some(model) = model {
        inherited.tls.clone_from(&model.http.tls);
        inherited.middlewares.clone_from(&model.http.middlewares);
        inherited.observability.clone_from(&model.observability);
    }
    Placement { inherited: Arc::new(inherited), indexes, errors }
}
