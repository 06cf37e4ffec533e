//! The choice of the solver that proves a name.

use crate::names::CHALLENGE_TYPE;
use crate::objects::{Http01, Http01Ingress, Meta, Solver};
use crate::view::{Settings, View};
use std::collections::BTreeSet;

const OVERRIDE_CLASS: &str = "acme.cert-manager.io/http01-override-ingress-class";
const OVERRIDE_CLASS_NAME: &str = "acme.cert-manager.io/http01-override-ingress-ingressclassname";

/// Returns the HTTP-01 solver for a name: first one that lists the name, then the most specific zone, the most labels,
/// the lowest index in the list. One without a selector comes last. Overrides on the order decide its class.
pub(super) fn choose(solvers: &[Solver], order: &Meta, name: &str, wildcard: bool) -> Option<Solver> {
    if wildcard {
        return None;
    }
    let ranked = solvers.iter().enumerate().filter(|(_, solver)| solver.http01.is_some());
    let ranked =
        ranked.filter_map(|(index, solver)| Some((rank(solver, order, name)?, std::cmp::Reverse(index), solver)));
    let (_, _, best) = ranked.max_by_key(|(rank, index, _)| (*rank, *index))?;
    let mut solver = best.clone();
    let class = order.annotation(OVERRIDE_CLASS_NAME).or_else(|| order.annotation(OVERRIDE_CLASS));
    if let Some(class) = class {
        let http01 = solver.http01.get_or_insert_with(Http01::default);
        let ingress = http01.ingress.get_or_insert_with(Http01Ingress::default);
        ingress.class = None;
        ingress.ingress_class_name = Some(class.to_owned());
    }
    Some(solver)
}

/// Returns which solvers of an issuer are passed over, and what to do; `None` if there are none.
pub(super) fn passed_over(solvers: &[Solver]) -> Option<String> {
    let dns = solvers.iter().filter_map(|solver| solver.dns01.as_ref());
    let providers = dns.flat_map(|dns| dns.as_object().into_iter().flat_map(|provider| provider.keys()));
    // Options that stand beside the provider.
    let providers: BTreeSet<&str> = providers.map(String::as_str).filter(|name| *name != "cnameStrategy").collect();
    if solvers.iter().all(|solver| solver.dns01.is_none()) {
        return None;
    }
    let providers = providers.into_iter().collect::<Vec<_>>().join(", ");
    Some(format!(
        "solvers of dns01 ({providers}) are passed over: name hosts one by one, annotate the issuer with \
         {CHALLENGE_TYPE}: DNS-PERSIST-01 where its CA has that, or leave the namespaces that need them to a cert-manager"
    ))
}

/// Returns the rank of a solver: name listed, labels of the matching zone, number of matching labels. `None` if the
/// solver is not for this name.
fn rank(solver: &Solver, order: &Meta, name: &str) -> Option<(bool, usize, usize)> {
    let Some(selector) = &solver.selector else { return Some((false, 0, 0)) };
    let labels = &selector.match_labels;
    if !labels.iter().all(|(label, value)| order.labels.get(label) == Some(value)) {
        return None;
    }
    let named = selector.dns_names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name));
    if !selector.dns_names.is_empty() && !named {
        return None;
    }
    let zones = selector.dns_zones.iter().filter(|zone| within(name, zone));
    let zone = zones.map(|zone| zone.split('.').count()).max();
    if !selector.dns_zones.is_empty() && zone.is_none() {
        return None;
    }
    Some((named, zone.unwrap_or(0), labels.len()))
}

fn within(name: &str, zone: &str) -> bool {
    let (name, zone) = (name.to_ascii_lowercase(), zone.to_ascii_lowercase());
    name == zone || name.strip_suffix(&zone).is_some_and(|rest| rest.ends_with('.'))
}

/// Returns the class of the solver's Ingress if this proxy does not serve it. No class means the default class, and a
/// Gateway route has none.
pub(super) fn foreign_class<'a>(solver: &'a Solver, view: &View, settings: &Settings) -> Option<&'a str> {
    let class = solver.http01.as_ref()?.ingress.as_ref().and_then(Http01Ingress::class)?;
    let served = settings.served_classes.iter().chain(&view.classes).any(|served| served == class);
    (!served).then_some(class)
}
