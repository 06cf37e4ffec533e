//! Challenges: their selection, and what follows from their results.

use super::action::{Call, Event, Kind, Plan, Step, Write};
use super::context::Context;
use super::{issuer_options, solver};
use crate::ca::{Authorization, CaError};
use crate::http01::{Method, is_genuine};
use crate::names::CHALLENGE_FINALIZERS;
use crate::objects::{Challenge, Key, State};
use std::sync::Arc;
use std::time::Duration;

pub(super) fn plan(context: &Context<'_>, challenge: &Arc<Challenge>, plan: &mut Plan) {
    if challenge.metadata.deletion_timestamp.is_some() {
        return plan.steps.extend(release(challenge));
    }
    if !is_open(context, challenge) {
        return;
    }
    if let Some(class) = solver::foreign_class(&challenge.spec.solver, context.view, context.settings) {
        return plan.steps.extend(foreign(context, challenge, class));
    }
    // A name is proved by one challenge at a time: by one under way, else by the oldest.
    let same = context.index.same_name(challenge).iter().filter(|other| is_open(context, other));
    let first = same.min_by_key(|c| (!c.status.processing, c.metadata.creation_timestamp, c.key()));
    if first.is_none_or(|first| first.key() == challenge.key()) {
        match issuer_options::not_before(challenge).filter(|at| *at > context.now) {
            Some(at) => plan.wake_at(at),
            None => plan.calls.push(Call::Prove { challenge: challenge.key() }),
        }
    }
}

/// True if a challenge is still to be met, and may be.
fn is_open(context: &Context<'_>, challenge: &Challenge) -> bool {
    Method::of(challenge).is_some()
        && challenge.metadata.deletion_timestamp.is_none()
        && !challenge.status.state.is_final()
        && !order_ended(context, challenge)
        && is_genuine(context.view, context.settings, challenge)
}

/// True if its order has its certificate, or failed by another challenge: this one is useless then.
fn order_ended(context: &Context<'_>, challenge: &Challenge) -> bool {
    let owner = challenge.metadata.controller().filter(|owner| owner.kind == "Order");
    let place = owner.map(|owner| Key::new(challenge.metadata.namespace.clone(), owner.name.clone()));
    let order = place.and_then(|place| context.view.orders.get(&place));
    order.is_some_and(|order| order.status.state.is_failure() || order.status.state == State::Valid)
}

fn status(challenge: &Challenge, change: impl FnOnce(&mut Challenge)) -> Option<Step> {
    let mut changed = challenge.clone();
    change(&mut changed);
    (changed.status != challenge.status).then(|| Step::write(Write::Status(changed.into())))
}

fn foreign(context: &Context<'_>, challenge: &Arc<Challenge>, class: &str) -> Option<Step> {
    let message = format!(
        "the solver's Ingress class {class:?} is not served by flow-proxy, which serves {:?}",
        context.settings.served_classes.iter().chain(&context.view.classes).collect::<Vec<_>>()
    );
    let step = status(challenge, |challenge| challenge.status.reason.clone_from(&message));
    step.map(|step| step.with(Event::warning(Kind::Challenge, &challenge.metadata, "PresentError", message)))
}

/// Removes cert-manager's finalizers: they wait for solver pods, of which there are none here.
fn release(challenge: &Arc<Challenge>) -> Option<Step> {
    let mut changed = Challenge::clone(challenge);
    changed.metadata.finalizers.retain(|finalizer| !CHALLENGE_FINALIZERS.contains(&finalizer.as_str()));
    let held = changed.metadata.finalizers.len() != challenge.metadata.finalizers.len();
    held.then(|| Step::write(Write::Update(changed.into())))
}

/// The result of a look at a challenge.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// The step to write.
    pub step: Option<Step>,
    /// Time to wait before the next look, if the CA gave one.
    pub again: Option<Duration>,
    /// True if the challenge is to be looked at again.
    pub open: bool,
}

/// The result of trying to prove a name.
#[derive(Clone, Debug)]
pub enum Proof {
    /// Replicas do not answer as they should: the reason.
    Unanswered(String),
    /// The CA could not be told that the challenge is ready.
    Untold(CaError),
    /// The CA was told, and its authorization was read.
    Told {
        /// The CA's words when it was told, if it knew already.
        refusal: Option<CaError>,
        /// The authorization.
        authorization: Result<Authorization, CaError>,
    },
}

/// Returns what follows from trying to prove a name. `left_out` says which replicas the CA was asked without, if any.
#[must_use]
pub fn proved(challenge: &Challenge, proof: Proof, left_out: Option<&str>) -> Progress {
    let method = Method::of(challenge).unwrap_or(Method::Http01);
    let warning = left_out.map(|words| without_replicas(challenge, words));
    let mut progress = match proof {
        Proof::Unanswered(cause) => {
            let reason = format!("Waiting for {method} challenge propagation: {cause}");
            Progress { step: waiting(challenge, false, reason), again: None, open: true }
        }
        Proof::Untold(error) => {
            let reason = format!("Error accepting challenge: {error}");
            Progress { step: waiting(challenge, true, reason), again: error.retry_after(), open: true }
        }
        Proof::Told { refusal, authorization } => {
            // A refusal means that the CA has validated it before: its authorization has the result.
            let known = refusal.map(|error| error.to_string()).or_else(|| left_out.map(str::to_owned));
            checked(challenge, authorization, known)
        }
    };
    if let Some(warning) = warning {
        progress.step.get_or_insert_default().events.push(warning);
    }
    progress
}

/// Returns the event that the CA was asked without some replicas.
#[must_use]
pub fn without_replicas(challenge: &Challenge, words: &str) -> Event {
    Event::warning(Kind::Challenge, &challenge.metadata, "ReplicaLeftOut", words)
}

/// Shows that a challenge is being worked on. The first time it is told as an event too.
fn waiting(challenge: &Challenge, presented: bool, reason: String) -> Option<Step> {
    let step = status(challenge, |challenge| {
        challenge.status.processing = true;
        challenge.status.presented = presented;
        challenge.status.state = State::Pending;
        challenge.status.reason = reason;
    })?;
    let begun = !challenge.status.processing;
    let started =
        || Event::normal(Kind::Challenge, &challenge.metadata, "Started", "Challenge scheduled for processing");
    Some(if begun { step.with(started()) } else { step })
}

/// Returns what follows from reading the authorization. `known` is what is to be shown while it is pending.
fn checked(challenge: &Challenge, result: Result<Authorization, CaError>, known: Option<String>) -> Progress {
    let authorization = match result {
        Ok(authorization) => authorization,
        Err(error) if error.is_final() => {
            return Progress { step: lost(challenge, State::Errored, &error.to_string()), ..Progress::default() };
        }
        Err(error) => {
            let step = pending(challenge, State::Processing, format!("Error getting authorization: {error}"));
            return Progress { step, again: error.retry_after(), open: true };
        }
    };
    let seen = authorization.challenges.iter().find(|seen| seen.url == challenge.spec.url);
    match authorization.state {
        State::Valid => Progress { step: Some(Step::write(won(challenge))), ..Progress::default() },
        State::Pending | State::Processing | State::Ready | State::Unknown => {
            // The CA may not know yet that the challenge is ready, whatever our status says.
            let untold = authorization.state == State::Pending && seen.is_some_and(|seen| seen.state == State::Pending);
            let state = if untold { State::Pending } else { State::Processing };
            let step = pending(challenge, state, known.unwrap_or_default());
            Progress { step, again: authorization.retry_after, open: true }
        }
        state => {
            let problem = seen.and_then(|seen| seen.error.clone());
            let cause = problem.map_or_else(|| format!("the authorization is {state}"), |p| p.to_string());
            Progress { step: lost(challenge, state, &cause), ..Progress::default() }
        }
    }
}

/// Shows that the CA is at work. The first time it is told as an event too.
fn pending(challenge: &Challenge, state: State, reason: String) -> Option<Step> {
    let step = status(challenge, |challenge| {
        challenge.status.processing = true;
        challenge.status.presented = true;
        challenge.status.state = state;
        challenge.status.reason = reason;
    })?;
    if challenge.status.presented {
        return Some(step);
    }
    let method = Method::of(challenge).unwrap_or(Method::Http01);
    let message = format!("Presented challenge using {method} challenge mechanism");
    Some(step.with(Event::normal(Kind::Challenge, &challenge.metadata, "Presented", message)))
}

/// Returns the write that records a proof.
#[must_use]
pub fn won(challenge: &Challenge) -> Write {
    let mut changed = challenge.clone();
    changed.status.state = State::Valid;
    changed.status.processing = false;
    changed.status.presented = true;
    changed.status.reason = "Successfully authorized domain".to_owned();
    Write::Status(changed.into())
}

fn lost(challenge: &Challenge, state: State, cause: &str) -> Option<Step> {
    let cause = format!("acme: authorization error for {}: {cause}", challenge.spec.dns_name);
    let step = status(challenge, |challenge| {
        challenge.status.state = state;
        challenge.status.processing = false;
        challenge.status.reason = format!("Error accepting authorization: {cause}");
    });
    let message = format!("Accepting challenge authorization failed: {cause}");
    step.map(|step| step.with(Event::warning(Kind::Challenge, &challenge.metadata, "Failed", message)))
}
