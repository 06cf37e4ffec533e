//! From the result of a call to the writes that record it, based on the current view.

use super::backoff::{Scope, Wait};
use super::calls::Outcome;
use crate::ca::CaError;
use crate::objects::{Key, State};
use crate::planner::{self, Completion, Progress, Proof};
use crate::planner::{Call, Step};
use crate::view::{Settings, View};
use jiff::Timestamp;

/// The writes that record a result, and the wait before the call is repeated.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    pub(super) step: Option<Step>,
    pub(super) wait: Wait,
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
            Recorded { step, wait }
        }
        Outcome::NextKey(pending, result) => {
            let certificate = view.certificates.get(key)?;
            match result {
                Ok(made) => {
                    let step = planner::key_made(settings, certificate, pending, made, now);
                    Recorded { step: Some(step), wait: Wait::Done }
                }
                Err(error) => {
                    tracing::warn!(certificate = %key, %error, "no key for the certificate");
                    Recorded { step: Some(planner::key_impossible(certificate, error, now)), wait: Wait::Terminal }
                }
            }
        }
        Outcome::Registered(registering, result) => {
            let issuer = view.issuers.get(key)?;
            let step = planner::registered(issuer, registering, result.clone(), now);
            Recorded { step, wait: wait(call, view, result) }
        }
        Outcome::RenewalInfo(result) => {
            let certificate = view.certificates.get(key)?;
            Recorded {
                step: planner::renewal_info_received(certificate, result.clone(), now),
                wait: wait(call, view, result),
            }
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
            Recorded { step, wait }
        }
        Outcome::Completed(completion) => {
            let order = view.orders.get(key)?;
            let step = planner::completed(order, completion.clone(), failure(view, order).as_deref(), now);
            Recorded { step, wait: wait_for(call, view, completion) }
        }
        Outcome::Proved(proved) => {
            let challenge = view.challenges.get(key)?;
            if let Some(completion) = proved.completion.as_ref().filter(|completion| completion.is_issued()) {
                // The challenge is deleted with its order's next step.
                let owner = challenge.metadata.controller()?;
                let order = view.orders.get(&Key::new(key.namespace.clone(), owner.name.clone()))?;
                let step = planner::completed(order, completion.clone(), None, now);
                return Some(Recorded { step, wait: Wait::Done });
            }
            let progress = planner::proved(challenge, proved.proof.clone(), proved.left_out.as_deref());
            let failed = match &proved.proof {
                Proof::Untold(error) | Proof::Told { authorization: Err(error), .. } if !error.is_final() => {
                    Some(error)
                }
                _ => None,
            };
            match failed {
                Some(error) => Recorded { step: progress.step, wait: wait::<()>(call, view, &Err(error.clone())) },
                None => polled(progress),
            }
        }
    })
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
    Recorded { step: progress.step, wait }
}

/// The reason for a failed challenge of the order.
fn failure(view: &View, order: &crate::objects::Order) -> Option<String> {
    let of_order = view.challenges.values().filter(|c| c.metadata.controlled_by("Order", &order.metadata));
    of_order.filter(|c| c.status.state.is_failure()).map(|c| c.status.reason.clone()).next()
}
