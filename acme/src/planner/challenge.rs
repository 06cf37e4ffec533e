//! Challenges: their selection, and what follows from their results.

use super::action::{Call, Event, Kind, Plan, Step, Write};
use super::context::Context;
use super::solver;
use crate::ca::{Authorization, CaError};
use crate::http01::{Method, is_genuine};
use crate::names::CHALLENGE_FINALIZERS;
use crate::objects::{Challenge, Key, State};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

pub(super) fn plan(context: &Context<'_>, plan: &mut Plan) {
    let mut under_way = HashSet::new();
    let mut waiting = Vec::new();
    for challenge in context.view.challenges.values() {
        if challenge.metadata.deletion_timestamp.is_some() {
            plan.steps.extend(release(challenge));
            continue;
        }
        let Some(method) = Method::of(challenge) else { continue };
        let is_over = challenge.status.state.is_final() || order_failed(context, challenge);
        if is_over || !is_genuine(context.view, context.settings, challenge) {
            continue;
        }
        if challenge.status.processing {
            under_way.insert((challenge.spec.dns_name.as_str(), method));
            plan.calls.push(next(challenge));
        } else {
            waiting.push((challenge, method));
        }
    }
    // The oldest first. A name is proved by one challenge at a time.
    waiting.sort_by_key(|(challenge, _)| (challenge.metadata.creation_timestamp, challenge.key()));
    for (challenge, method) in waiting {
        if let Some(class) = solver::foreign_class(&challenge.spec.solver, context.view, context.settings) {
            plan.steps.extend(foreign(context, challenge, class));
        } else if under_way.len() < context.settings.max_challenges
            && under_way.insert((challenge.spec.dns_name.as_str(), method))
        {
            plan.steps.push(start(challenge));
        }
    }
}

/// True if another challenge of its order failed, so that this one is useless.
fn order_failed(context: &Context<'_>, challenge: &Challenge) -> bool {
    let owner = challenge.metadata.controller().filter(|owner| owner.kind == "Order");
    let place = owner.map(|owner| Key::new(challenge.metadata.namespace.clone(), owner.name.clone()));
    place.and_then(|place| context.view.orders.get(&place)).is_some_and(|order| order.status.state.is_failure())
}

fn next(challenge: &Challenge) -> Call {
    let key = challenge.key();
    if !challenge.status.presented {
        Call::Probe { challenge: key }
    } else if challenge.status.state == State::Processing {
        Call::Check { challenge: key }
    } else {
        Call::Accept { challenge: key }
    }
}

fn status(challenge: &Challenge, change: impl FnOnce(&mut Challenge)) -> Option<Step> {
    let mut changed = challenge.clone();
    change(&mut changed);
    (changed.status != challenge.status).then(|| Step::write(Write::Status(changed.into())))
}

fn start(challenge: &Arc<Challenge>) -> Step {
    let mut changed = Challenge::clone(challenge);
    changed.status.processing = true;
    let message = "Challenge scheduled for processing";
    Step::write(Write::Status(changed.into())).with(Event::normal(
        Kind::Challenge,
        &challenge.metadata,
        "Started",
        message,
    ))
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

/// Returns what follows from asking the replicas.
#[must_use]
pub fn probed(challenge: &Challenge, result: Result<(), String>) -> Progress {
    let method = Method::of(challenge).unwrap_or(Method::Http01);
    match result {
        Ok(()) => {
            let step = status(challenge, |challenge| {
                challenge.status.presented = true;
                challenge.status.reason = String::new();
            });
            let message = format!("Presented challenge using {method} challenge mechanism");
            let event = Event::normal(Kind::Challenge, &challenge.metadata, "Presented", message);
            Progress { step: step.map(|step| step.with(event)), ..Progress::default() }
        }
        Err(cause) => {
            let reason = format!("Waiting for {method} challenge propagation: {cause}");
            let step = status(challenge, |challenge| challenge.status.reason = reason);
            Progress { step, open: true, ..Progress::default() }
        }
    }
}

/// Returns what follows from telling the CA.
#[must_use]
pub fn accepted(challenge: &Challenge, result: Result<(), CaError>) -> Progress {
    match result {
        // A refusal means that the CA has validated it before: its authorization has the result.
        Ok(()) => Progress { step: processing(challenge, String::new()), ..Progress::default() },
        Err(error) if error.is_final() => {
            Progress { step: processing(challenge, error.to_string()), ..Progress::default() }
        }
        Err(error) => {
            let reason = format!("Error accepting challenge: {error}");
            let step = status(challenge, |challenge| challenge.status.reason = reason);
            Progress { step, again: error.retry_after(), open: true }
        }
    }
}

fn processing(challenge: &Challenge, reason: String) -> Option<Step> {
    status(challenge, |challenge| {
        challenge.status.state = State::Processing;
        challenge.status.reason = reason;
    })
}

/// Returns what follows from reading the authorization.
#[must_use]
pub fn checked(challenge: &Challenge, result: Result<Authorization, CaError>) -> Progress {
    let authorization = match result {
        Ok(authorization) => authorization,
        Err(error) if error.is_final() => {
            return Progress { step: lost(challenge, State::Errored, &error.to_string()), ..Progress::default() };
        }
        Err(error) => {
            let reason = format!("Error getting authorization: {error}");
            let step = status(challenge, |challenge| challenge.status.reason = reason);
            return Progress { step, again: error.retry_after(), open: true };
        }
    };
    let seen = authorization.challenges.iter().find(|seen| seen.url == challenge.spec.url);
    match authorization.state {
        State::Valid => Progress { step: won(challenge), ..Progress::default() },
        State::Pending if seen.is_some_and(|seen| seen.state == State::Pending) => {
            // The CA does not know yet that the challenge is ready, whatever our status says.
            let step = status(challenge, |challenge| challenge.status.state = State::Pending);
            Progress { step, again: authorization.retry_after, open: true }
        }
        State::Pending | State::Processing | State::Ready | State::Unknown => {
            Progress { step: None, again: authorization.retry_after, open: true }
        }
        state => {
            let problem = seen.and_then(|seen| seen.error.clone());
            let cause = problem.map_or_else(|| format!("the authorization is {state}"), |p| p.to_string());
            Progress { step: lost(challenge, state, &cause), ..Progress::default() }
        }
    }
}

fn won(challenge: &Challenge) -> Option<Step> {
    let step = status(challenge, |challenge| {
        challenge.status.state = State::Valid;
        challenge.status.processing = false;
        challenge.status.reason = "Successfully authorized domain".to_owned();
    });
    let method = Method::of(challenge).unwrap_or(Method::Http01);
    let message = format!("Domain {:?} verified with \"{method}\" validation", challenge.spec.dns_name);
    step.map(|step| step.with(Event::normal(Kind::Challenge, &challenge.metadata, "DomainVerified", message)))
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
