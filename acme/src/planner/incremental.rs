//! Plans that follow the changes of a view: what is planned again is what read a changed object.

use super::dependents::Tracker;
use super::{Context, Kind, Plan, Target};
use super::{certificate, challenge, ingress, issuer, order, request};
use crate::view::{Settings, View};
use jiff::Timestamp;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// The plans of all objects with work. After each step they are what a planner that starts with the same view would have.
pub struct Planner {
    settings: Arc<Settings>,
    tracker: Tracker,
    plans: HashMap<Target, Plan>,
    wakes: BTreeSet<(Timestamp, Target)>,
    /// The entries of `wakes` by object.
    wake_of: HashMap<Target, Timestamp>,
}

impl Planner {
    /// A planner that has seen nothing.
    #[must_use]
    pub fn new(settings: Arc<Settings>) -> Self {
        Self {
            settings,
            tracker: Tracker::default(),
            plans: HashMap::new(),
            wakes: BTreeSet::new(),
            wake_of: HashMap::new(),
        }
    }

    /// Takes the next view. Plans for the objects that read a change, whose time has come, or that are in `again`, and
    /// returns them in a fixed order.
    pub fn advance(&mut self, view: &Arc<View>, again: Vec<Target>, now: Timestamp) -> Vec<Target> {
        let mut due = self.tracker.advance(view, &self.settings);
        due.extend(again);
        while self.wakes.first().is_some_and(|(at, _)| *at <= now) {
            let Some((_, target)) = self.wakes.pop_first() else { break };
            self.wake_of.remove(&target);
            due.insert(target);
        }
        let mut due: Vec<Target> = due.into_iter().collect();
        due.sort_unstable();
        for target in &due {
            self.plan(target, now);
        }
        due
    }

    fn plan(&mut self, target: &Target, now: Timestamp) {
        let context = Context { view: &self.tracker.view, settings: &self.settings, index: &self.tracker.index, now };
        let plan = plan(&context, target);
        if let Some(at) = self.wake_of.remove(target) {
            self.wakes.remove(&(at, target.clone()));
        }
        if let Some(at) = plan.wake {
            self.wakes.insert((at, target.clone()));
            self.wake_of.insert(target.clone(), at);
        }
        if plan.is_empty() {
            self.plans.remove(target);
        } else {
            self.plans.insert(target.clone(), plan);
        }
    }

    /// Returns the plan for an object; `None` if there is nothing to do.
    #[must_use]
    pub fn of(&self, target: &Target) -> Option<&Plan> {
        self.plans.get(target)
    }

    /// The time at which something is to be planned again even if the view does not change.
    #[must_use]
    pub fn wake(&self) -> Option<Timestamp> {
        self.wakes.first().map(|(at, _)| *at)
    }

    /// Returns all plans as one.
    #[must_use]
    pub fn whole(&self) -> Plan {
        let mut targets: Vec<&Target> = self.plans.keys().collect();
        targets.sort_unstable_by_key(|(kind, key)| (rank(*kind), key));
        let mut whole = Plan { wake: self.wake(), ..Plan::default() };
        for plan in targets.into_iter().filter_map(|target| self.plans.get(target)) {
            whole.steps.extend(plan.steps.iter().cloned());
            whole.calls.extend(plan.calls.iter().cloned());
        }
        whole
    }
}

impl std::fmt::Debug for Planner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Planner").field("plans", &self.plans.len()).finish_non_exhaustive()
    }
}

/// The order in which a whole plan lists the kinds: those that ask before those that are asked for.
fn rank(kind: Kind) -> u8 {
    match kind {
        Kind::Issuer => 0,
        Kind::Ingress => 1,
        Kind::Certificate => 2,
        Kind::CertificateRequest => 3,
        Kind::Order => 4,
        Kind::Challenge => 5,
        Kind::Secret => 6,
    }
}

/// Plans for one object.
fn plan(context: &Context<'_>, (kind, key): &Target) -> Plan {
    let mut plan = Plan::default();
    let view = context.view;
    match kind {
        Kind::Issuer => view.issuers.get(key).map(|object| issuer::plan(context, object, &mut plan)),
        Kind::Ingress => view.ingresses.get(key).map(|object| ingress::plan(context, object, &mut plan)),
        Kind::Certificate => view.certificates.get(key).map(|object| certificate::plan(context, object, &mut plan)),
        Kind::CertificateRequest => view.requests.get(key).map(|object| request::plan(context, object, &mut plan)),
        Kind::Order => view.orders.get(key).map(|object| order::plan(context, object, &mut plan)),
        Kind::Challenge => view.challenges.get(key).map(|object| challenge::plan(context, object, &mut plan)),
        Kind::Secret => None,
    };
    plan
}
