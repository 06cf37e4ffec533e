//! From the result of a call to the writes that record it, based on the current view.

use super::backoff::Wait;
use super::calls::Outcome;
use crate::ca::CaError;
use crate::objects::State;
use crate::planner::{self, Progress};
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
        Err(error) => Wait::Failed {
            after: error.retry_after(),
            server: super::calls::server(view, call).filter(|_| error.concerns_server()),
        },
    }
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
            let wait = if result.is_ok() { Wait::Done } else { Wait::Failed { after: None, server: None } };
            Recorded { step, wait }
        }
        Outcome::NextKey(pending, result) => {
            let certificate = view.certificates.get(key)?;
            match result {
                Ok(made) => Recorded { step: Some(planner::key_made(certificate, pending, made)), wait: Wait::Done },
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
        Outcome::Opened(result) => {
            let order = view.orders.get(key)?;
            Recorded { step: planner::opened(order, result.clone(), now), wait: wait(call, view, result) }
        }
        Outcome::Authorizations(result) => {
            let order = view.orders.get(key)?;
            let step = planner::authorizations_found(order, result.clone(), now);
            Recorded { step, wait: wait(call, view, result) }
        }
        Outcome::Refreshed(result) => {
            let order = view.orders.get(key)?;
            let step = planner::refreshed(order, result.clone(), failure(view, order).as_deref(), now);
            let waiting = result.as_ref().ok().filter(|s| matches!(s.state, State::Pending | State::Processing));
            let wait = waiting.map_or_else(|| wait(call, view, result), |state| Wait::Poll(state.retry_after));
            Recorded { step, wait }
        }
        Outcome::Finalized(result) => {
            let order = view.orders.get(key)?;
            Recorded { step: planner::finalized(order, result.clone(), now), wait: wait(call, view, result) }
        }
        Outcome::Downloaded(result) => {
            let order = view.orders.get(key)?;
            Recorded { step: planner::downloaded(order, result.clone(), now), wait: wait(call, view, result) }
        }
        Outcome::Probed(result) => polled(planner::probed(view.challenges.get(key)?, result.clone())),
        Outcome::Accepted(result) => {
            let progress = planner::accepted(view.challenges.get(key)?, result.clone());
            let again = progress.open;
            let wait = if again { wait(call, view, result) } else { Wait::Done };
            Recorded { step: progress.step, wait }
        }
        Outcome::Checked(result) => {
            let progress = planner::checked(view.challenges.get(key)?, result.clone());
            match result {
                Err(error) if !error.is_final() => Recorded { step: progress.step, wait: wait(call, view, result) },
                _ => polled(progress),
            }
        }
    })
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
