//! What is to be done next: depth before breadth, in turn by namespace, and nothing that must wait.

mod fair_queue;
mod slots;
mod stage;

use super::backoff::Backoff;
use super::calls;
use super::writes::Writes;
use crate::names::CERTIFICATE_NAME;
use crate::objects::{ConditionStatus, Key, Meta, condition};
use crate::planner::{Call, Kind, Line, Planner, Target, Urgency, held_until};
use crate::view::{Settings, View};
use fair_queue::FairQueue;
use jiff::Timestamp;
use slots::Slots;
use stage::Stage;
use std::collections::{BTreeSet, HashMap};
use tokio::time::Instant;

/// Limits of calls in progress, in all and for one server, so that a slow server does not delay the others.
const MAX_CALLS: usize = 64;
const MAX_CALLS_PER_SERVER: usize = 24;
/// Limit of questions for renewal information, which have time.
const MAX_QUESTIONS: usize = 4;
/// Limit of objects that are written at a time.
const MAX_WRITES: usize = 16;
/// The share of it that is kept free for what begins.
const MAX_WRITES_OF_BEGUN: usize = 12;

/// What an object's task does.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Running {
    /// Steps.
    Steps(Stage),
    /// A call to a server, the empty one for none.
    Call(String),
    /// A question for renewal information.
    Question,
    /// Nothing: the view is to show what was written.
    Settling,
}

/// A task to begin.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Task {
    /// The steps of the object's plan.
    Steps(Target),
    /// The call of the object's plan.
    Call(Target),
}

/// What waits, what is ready, and what is under way.
#[derive(Debug)]
pub(super) struct Schedule {
    /// Certificates that wait for their turn, by urgency; a lane for each namespace and issuer.
    line: FairQueue<Urgency, (String, Key)>,
    slots: Slots,
    /// The Certificates of the requests under way.
    requests: HashMap<Target, Key>,
    steps: FairQueue<Stage, String>,
    calls: FairQueue<(), String>,
    questions: FairQueue<(), String>,
    running: HashMap<Target, Running>,
    /// Objects to be looked at again at a time.
    waits: BTreeSet<(Instant, Target)>,
}

/// What the schedule looks at.
pub(super) struct Scene<'a> {
    pub(super) view: &'a View,
    pub(super) settings: &'a Settings,
    pub(super) planner: &'a Planner,
    pub(super) writes: &'a Writes,
}

impl Schedule {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            line: FairQueue::default(),
            slots: Slots::new(settings.max_challenges),
            requests: HashMap::new(),
            steps: FairQueue::default(),
            calls: FairQueue::default(),
            questions: FairQueue::default(),
            running: HashMap::new(),
            waits: BTreeSet::new(),
        }
    }

    /// The number of certificates that wait for their turn, and of those under way.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.line.len(), self.slots.moving(Instant::now()))
    }

    /// Sorts an object in by its present plan.
    pub(super) fn place(&mut self, target: &Target, scene: &Scene<'_>, backoff: &mut Backoff) {
        let now = Instant::now();
        let certificate = certificate_of(scene.view, target);
        let Some(plan) = scene.planner.of(target) else {
            self.drop_from_queues(target);
            backoff.forget(target);
            match target.0 {
                Kind::Certificate => self.slots.end(&target.1),
                Kind::CertificateRequest => {
                    self.requests.remove(target).iter().for_each(|certificate| self.slots.end(certificate));
                }
                _ => {}
            }
            return;
        };
        if let Some(certificate) = &certificate {
            self.slots.touch(certificate, now);
        }
        if target.0 == Kind::Certificate && plan.line.is_none() && !is_issuing(scene.view, &target.1) {
            self.slots.end(&target.1);
        }
        if self.running.contains_key(target) {
            return;
        }
        match (plan.line, certificate) {
            (Some(Line::Waiting(urgency)), Some(certificate)) if !self.slots.contains(&certificate) => {
                self.steps.remove(target);
                self.calls.remove(target);
                let issuer = issuer_of(scene.view, target).unwrap_or_default();
                return self.line.push(target, urgency, (target.1.namespace.clone(), issuer));
            }
            (Some(Line::Begun(urgency)), Some(certificate)) => {
                self.requests.insert(target.clone(), certificate.clone());
                self.slots.begin(certificate, urgency, now);
            }
            _ => {}
        }
        self.line.remove(target);
        if plan.steps.iter().any(|step| !step.writes.is_empty()) {
            self.calls.remove(target);
            self.questions.remove(target);
            let written = plan.steps.iter().filter_map(|step| step.writes.first()).map(|write| write.target());
            match written.filter_map(|target| scene.writes.holds(&target)).max() {
                Some(until) => self.wait(target, until),
                None => self.steps.push(target, Stage::of(plan), target.1.namespace.clone()),
            }
            return;
        }
        self.steps.remove(target);
        let Some(call) = plan.calls.first() else {
            self.calls.remove(target);
            return backoff.forget(target);
        };
        if let Some(until) = backoff.holds(call, scene.view, scene.settings) {
            self.calls.remove(target);
            return self.wait(target, until);
        }
        let server = calls::server(scene.view, call).unwrap_or_default();
        if is_question(call) { self.questions.push(target, (), server) } else { self.calls.push(target, (), server) }
    }

    fn drop_from_queues(&mut self, target: &Target) {
        self.line.remove(target);
        self.steps.remove(target);
        self.calls.remove(target);
        self.questions.remove(target);
    }

    /// Has an object looked at again at a time.
    pub(super) fn wait(&mut self, target: &Target, until: Instant) {
        self.waits.insert((until, target.clone()));
    }

    /// Returns the objects whose wait is over.
    pub(super) fn due(&mut self) -> Vec<Target> {
        let now = Instant::now();
        let mut due = Vec::new();
        while self.waits.first().is_some_and(|(at, _)| *at <= now) {
            due.extend(self.waits.pop_first().map(|(_, target)| target));
        }
        due
    }

    /// Returns the certificates whose turn has come.
    pub(super) fn admit(&mut self, view: &View, backoff: &Backoff, time: Timestamp) -> Vec<Target> {
        let now = Instant::now();
        let mut admitted = Vec::new();
        if self.line.len() == 0 {
            return admitted;
        }
        if self.slots.is_full(now) {
            return admitted;
        }
        let mut room = self.slots.room(now);
        while !room.is_full() {
            let open = |urgency: Urgency, (namespace, issuer): &(String, Key)| {
                let held = view.issuers.get(issuer).and_then(|issuer| held_until(issuer));
                room.is_open(namespace, urgency)
                    && backoff.server_closed(view, issuer, now).is_none()
                    && held.is_none_or(|until| until <= time)
            };
            let Some((target, urgency)) = self.line.pop(open) else { break };
            room.take(&target.1.namespace, urgency);
            if let Some(certificate) = certificate_of(view, &target) {
                self.slots.begin(certificate, urgency, now);
            }
            admitted.push(target);
        }
        admitted
    }

    /// Returns the next task, if there is one and room for it.
    pub(super) fn start(&mut self) -> Option<Task> {
        let count = |is: fn(&Running) -> bool| self.running.values().filter(|running| is(running)).count();
        let (steps, begun) = (
            count(|running| matches!(running, Running::Steps(_))),
            count(|running| matches!(running, Running::Steps(stage) if !stage.is_new())),
        );
        let open = |stage: Stage, _: &String| steps < MAX_WRITES && (stage.is_new() || begun < MAX_WRITES_OF_BEGUN);
        if let Some((target, stage)) = self.steps.pop(open) {
            self.running.insert(target.clone(), Running::Steps(stage));
            return Some(Task::Steps(target));
        }
        let mut of_server: HashMap<&str, usize> = HashMap::new();
        let mut calls = 0;
        for running in self.running.values() {
            if let Running::Call(server) = running {
                calls += 1;
                *of_server.entry(server).or_default() += 1;
            }
        }
        let open = |(): (), server: &String| of_server.get(server.as_str()).is_none_or(|n| *n < MAX_CALLS_PER_SERVER);
        let call = if calls < MAX_CALLS { self.calls.pop_with_lane(open) } else { None };
        if let Some((target, server)) = call {
            self.running.insert(target.clone(), Running::Call(server));
            return Some(Task::Call(target));
        }
        if count(|running| *running == Running::Question) < MAX_QUESTIONS
            && let Some((target, ())) = self.questions.pop(|(), _| true)
        {
            self.running.insert(target.clone(), Running::Question);
            return Some(Task::Call(target));
        }
        None
    }

    /// Records that an object was written, and is free once the view shows it.
    pub(super) fn settle(&mut self, target: &Target) {
        self.running.insert(target.clone(), Running::Settling);
    }

    /// Records that the task of an object has ended.
    pub(super) fn end(&mut self, target: &Target) {
        self.running.remove(target);
    }

    /// The time of the next look.
    pub(super) fn next(&self) -> Option<Instant> {
        let wait = self.waits.first().map(|(at, _)| *at);
        let stalled = if self.line.len() > 0 { self.slots.next(Instant::now()) } else { None };
        wait.into_iter().chain(stalled).min()
    }
}

fn is_issuing(view: &View, certificate: &Key) -> bool {
    let certificate = view.certificates.get(certificate);
    certificate
        .and_then(|certificate| condition(&certificate.status.conditions, "Issuing"))
        .is_some_and(|c| c.status == ConditionStatus::True)
}

fn is_question(call: &Call) -> bool {
    matches!(call, Call::RenewalInfo { .. })
}

/// The Certificate that an object belongs to; a request without one stands for itself.
fn certificate_of(view: &View, (kind, key): &Target) -> Option<Key> {
    let named = |meta: &Meta| {
        meta.annotation(CERTIFICATE_NAME).map_or_else(|| meta.key(), |name| Key::new(meta.namespace.clone(), name))
    };
    match kind {
        Kind::Certificate => Some(key.clone()),
        Kind::CertificateRequest => view.requests.get(key).map(|request| named(&request.metadata)),
        Kind::Order => view.orders.get(key).map(|order| named(&order.metadata)),
        Kind::Challenge => {
            let owner = view.challenges.get(key)?.metadata.controller()?.name.clone();
            certificate_of(view, &(Kind::Order, Key::new(key.namespace.clone(), owner)))
        }
        Kind::Ingress | Kind::Issuer | Kind::Secret => None,
    }
}

/// The issuer of a certificate or a request.
fn issuer_of(view: &View, (kind, key): &Target) -> Option<Key> {
    let reference = match kind {
        Kind::Certificate => &view.certificates.get(key)?.spec.issuer_ref,
        _ => &view.requests.get(key)?.spec.issuer_ref,
    };
    Some(reference.key(&key.namespace))
}
