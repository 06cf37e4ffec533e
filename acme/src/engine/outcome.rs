//! From the result of a call to the writes that record it, based on the current view.

use super::backoff::{Scope, Wait};
use super::calls::Outcome;
use crate::ca::CaError;
use crate::objects::{Challenge, Key, State};
use crate::planner::{self, Completion, Progress, Proof};
use crate::planner::{Call, Step};
use crate::view::{Settings, View};
use jiff::Timestamp;

/// The writes that record a result, and the wait before the call is repeated.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    pub(super) step: Option<Step>,
    pub(super) wait: Wait,
    /// The call that the wait is for, if it is another one.
    pub(super) about: Option<Call>,
}

impl Recorded {
    fn new(step: Option<Step>, wait: Wait) -> Self {
        Self { step, wait, about: None }
    }
}

fn wait<T>(call: &Call, view: &View, result: &Result<T, CaError>) -> Wait {
    match result {
        Ok(_) => Wait::Done,
        Err(error) if error.is_final() => Wait::Terminal,
        Err(error) => Wait::Failed { after: error.retry_after(), scope: scope(call, view, error) },
    }
}

/// Returns the calls that an error concerns.
fn scope(call: &Call, view: &View, error: &CaError) -> Scope {
    let server = super::calls::server(view, call).filter(|_| error.concerns_server());
    server.map_or(Scope::Call, Scope::Server)
}

/// Returns the writes that record a result.
pub(super) fn record(call: &Call, outcome: &Outcome, view: &View, settings: &Settings, now: Timestamp) -> Recorded {
    recorded(call, outcome, view, settings, now).unwrap_or_default()
}

fn recorded(call: &Call, outcome: &Outcome, view: &View, settings: &Settings, now: Timestamp) -> Option<Recorded> {
    let (_, key) = call.target();
    Some(match outcome {
        Outcome::AccountKey(result) => {
            let issuer = view.issuers.get(key)?;
            let step = result.as_ref().ok().and_then(|made| planner::account_created(view, settings, issuer, made));
            let wait = if result.is_ok() { Wait::Done } else { Wait::Failed { after: None, scope: Scope::Call } };
            Recorded::new(step, wait)
        }
        Outcome::NextKey(pending, result) => {
            let certificate = view.certificates.get(key)?;
            match result {
                // A leader before stored one, which this replica had not read yet. A request may name it by now.
                Ok(_) if pending.is_stored(view) => Recorded::default(),
                Ok(made) => {
                    let step = planner::key_made(settings, certificate, pending, made, now);
                    Recorded::new(Some(step), Wait::Done)
                }
                Err(error) => {
                    tracing::warn!(certificate = %key, %error, "no key for the certificate");
                    Recorded::new(Some(planner::key_impossible(certificate, error, now)), Wait::Terminal)
                }
            }
        }
        Outcome::Registered(registering, result) => {
            let issuer = view.issuers.get(key)?;
            let step = planner::registered(issuer, registering, result.clone(), now);
            Recorded::new(step, wait(call, view, result))
        }
        Outcome::RenewalInfo(result) => {
            let certificate = view.certificates.get(key)?;
            Recorded::new(planner::renewal_info_received(certificate, result.clone(), now), wait(call, view, result))
        }
        Outcome::Opened(opened) => {
            let order = view.orders.get(key)?;
            let mut step = planner::opened(order, opened.placed.clone(), opened.authorizations.clone(), now);
            if let Some(Err(error)) = &opened.placed
                && planner::is_of_account(order, error)
                && let Some(issuer) = view.issuers.get(&order.spec.issuer_ref.key(&key.namespace))
                && planner::held_until(issuer).is_none_or(|until| until <= now)
            {
                let hold = planner::hold(issuer, error, now);
                let step = step.get_or_insert_default();
                step.writes.extend(hold.writes);
                step.events.extend(hold.events);
            }
            let wait = match &opened.placed {
                Some(Err(error)) => wait::<()>(call, view, &Err(error.clone())),
                _ => wait(call, view, &opened.authorizations),
            };
            Recorded::new(step, wait)
        }
        Outcome::Completed(completion) => {
            let order = view.orders.get(key)?;
            let step = planner::completed(order, completion.clone(), failure(view, order).as_deref(), now);
            Recorded::new(step, wait_for(call, view, completion))
        }
        Outcome::Signed(result) => {
            Recorded::new(planner::signed(view.requests.get(key)?, result.as_ref(), now), Wait::Done)
        }
        Outcome::Proved(proved) => {
            let challenge = view.challenges.get(key)?;
            if let Some(completion) = &proved.completion {
                let mut recorded = completed_with(challenge, completion, view, now)?;
                if let Some(words) = &proved.left_out {
                    recorded.step.get_or_insert_default().events.push(planner::without_replicas(challenge, words));
                }
                return Some(recorded);
            }
            let progress = planner::proved(challenge, proved.proof.clone(), proved.left_out.as_deref());
            let failed = match &proved.proof {
                Proof::Untold(error) | Proof::Told { authorization: Err(error), .. } if !error.is_final() => {
                    Some(error)
                }
                _ => None,
            };
            match failed {
                Some(error) => Recorded::new(progress.step, wait::<()>(call, view, &Err(error.clone()))),
                None => polled(progress),
            }
        }
    })
}

/// Records the proof of a challenge together with what became of its order.
fn completed_with(challenge: &Challenge, completion: &Completion, view: &View, now: Timestamp) -> Option<Recorded> {
    let owner = challenge.metadata.controller()?;
    let order = view.orders.get(&Key::new(challenge.metadata.namespace.clone(), owner.name.clone()))?;
    let step = planner::completed(order, completion.clone(), None, now);
    if completion.is_issued() {
        // The challenge is deleted with its order's next step.
        return Some(Recorded::new(step, Wait::Done));
    }
    let about = Call::Complete { order: order.key() };
    let mut all = Step { writes: vec![planner::won(challenge)], events: Vec::new() };
    all.writes.extend(step.into_iter().flat_map(|step| step.writes));
    Some(Recorded { step: Some(all), wait: wait_for(&about, view, completion), about: Some(about) })
}

fn wait_for(call: &Call, view: &View, completion: &Completion) -> Wait {
    match &completion.state {
        Err((_, error)) => wait::<()>(call, view, &Err(error.clone())),
        Ok(state) if matches!(state.state, State::Pending | State::Processing | State::Ready | State::Unknown) => {
            Wait::Poll(state.retry_after)
        }
        Ok(_) => Wait::Done,
    }
}

fn polled(progress: Progress) -> Recorded {
    let wait = if progress.open { Wait::Poll(progress.again) } else { Wait::Done };
    Recorded::new(progress.step, wait)
}

/// The reason for a failed challenge of the order.
fn failure(view: &View, order: &crate::objects::Order) -> Option<String> {
    let of_order = view.challenges.values().filter(|c| c.metadata.controlled_by("Order", &order.metadata));
    of_order.filter(|c| c.status.state.is_failure()).map(|c| c.status.reason.clone()).next()
}
