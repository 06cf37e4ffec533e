//! Orders: placing, proving, finalizing and fetching them.

use super::action::{Call, Event, Kind, Plan, Step, Write};
use super::context::Context;
use super::{issuer, limit, solver};
use crate::ca::{Account, Authorization, CaError, NewOrder, OrderState};
use crate::dns_persist;
use crate::http01::Method;
use crate::names::{self, CHALLENGE_DELAY, CHALLENGE_TYPE};
use crate::objects::{
    ACME_GROUP, Challenge, ChallengeSpec, ChallengeStatus, Key, Meta, Object, Order, OrderAuthorization,
    OrderChallenge, OrderStatus, Owner, State, VERSION,
};
use crate::view::{Settings, View};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

const NO_SOLVER: &str = "Failed to determine a valid solver configuration for the set of domains on the Order: no \
                         configured challenge solvers can be used for this challenge";

pub(super) fn plan(context: &Context<'_>, order: &Arc<Order>, plan: &mut Plan) {
    let status = &order.status;
    if order.metadata.deletion_timestamp.is_some() {
        return;
    }
    if status.state == State::Valid && !status.certificate.is_empty() {
        return drop_challenges(context, order, plan);
    }
    if status.state.is_failure() {
        return;
    }
    let Some(account) = account(context.view, context.settings, order) else { return };
    if order.metadata.annotation(names::ACCOUNT) != Some(&*account.url) {
        // Placed with another account, for example cert-manager's: the request will get an order of ours.
        let (key, uid) = (order.key(), order.metadata.uid.clone());
        return plan.steps.push(Step::write(Write::Delete { kind: Kind::Order, key, uid }));
    }
    let read = status.authorizations.iter().all(|authorization| !authorization.identifier.is_empty());
    if status.url.is_empty() && limit::holds(context, order, plan) {
        return;
    }
    if status.url.is_empty() || !read {
        plan.calls.push(Call::Open { order: order.key() });
    } else if matches!(status.state, State::Unknown | State::Pending) {
        prove(context, order, &account, plan);
    } else {
        plan.calls.push(Call::Complete { order: order.key() });
    }
}

/// Returns the account of an order, once its issuer is ready.
pub(crate) fn account(view: &View, settings: &Settings, order: &Order) -> Option<Account> {
    let issuer = view.issuers.get(&order.spec.issuer_ref.key(&order.metadata.namespace))?;
    issuer::account(view, settings, issuer)
}

fn drop_challenges(context: &Context<'_>, order: &Order, plan: &mut Plan) {
    for challenge in context.index.challenges(order) {
        plan.steps.push(Step::write(Write::Delete {
            kind: Kind::Challenge,
            key: challenge.key(),
            uid: challenge.metadata.uid.clone(),
        }));
    }
}

fn prove(context: &Context<'_>, order: &Arc<Order>, account: &Account, plan: &mut Plan) {
    let challenges = context.index.challenges(order);
    let mut open = false;
    for authorization in order.status.authorizations.iter().filter(|a| a.initial_state != State::Valid) {
        let present = challenges.iter().find(|challenge| challenge.spec.authorization_url == authorization.url);
        match present {
            Some(challenge) => open |= !challenge.status.state.is_final(),
            None => {
                open = true;
                match challenge(context, order, account, authorization) {
                    Some(challenge) => plan.steps.push(Step::write(Write::Create(challenge.into()))),
                    None => {
                        let event = Event::warning(Kind::Order, &order.metadata, "Solver", NO_SOLVER);
                        plan.steps.push(Step { writes: Vec::new(), events: vec![event] });
                    }
                }
            }
        }
    }
    // All names are proved or one has failed: the CA knows the order's new state.
    let failed = challenges.iter().any(|challenge| challenge.status.state.is_failure());
    if !open || failed {
        plan.calls.push(Call::Complete { order: order.key() });
    }
}

fn challenge(
    context: &Context<'_>,
    order: &Order,
    account: &Account,
    authorization: &OrderAuthorization,
) -> Option<Challenge> {
    let issuer = context.view.issuers.get(&order.spec.issuer_ref.key(&order.metadata.namespace))?;
    let wildcard = authorization.wildcard.unwrap_or_default();
    let solvers = &issuer.spec.acme.as_ref()?.solvers;
    let method = Method::of_annotations(&order.metadata);
    let by_record = method == Method::DnsPersist01;
    let solver = solver::choose(solvers, &order.metadata, &authorization.identifier, wildcard && !by_record)?;
    let offered = authorization.challenges.iter().find(|offered| offered.kind == method.wire())?;
    let key = if by_record {
        dns_persist::record(&offered.token, &account.url, wildcard)
    } else {
        format!("{}.{}", offered.token, account.key.thumbprint()?)
    };
    let spec = ChallengeSpec {
        url: offered.url.clone(),
        authorization_url: authorization.url.clone(),
        dns_name: authorization.identifier.clone(),
        wildcard,
        kind: if by_record { "DNS-01" } else { "HTTP-01" }.to_owned(),
        token: offered.token.clone(),
        key,
        solver,
        issuer_ref: order.spec.issuer_ref.clone(),
    };
    let hash = names::fnv32(&serde_json::to_vec(&spec).unwrap_or_default());
    let name = names::numbered(&order.metadata.name, hash);
    let mut metadata = Meta::named(Key::new(order.metadata.namespace.clone(), name));
    metadata.owner_references = vec![Owner::controller(&format!("{ACME_GROUP}/{VERSION}"), "Order", &order.metadata)];
    if method != Method::Http01 {
        metadata.annotations.insert(CHALLENGE_TYPE.to_owned(), method.to_string());
    }
    if let Some(delay) = issuer.metadata.annotation(CHALLENGE_DELAY) {
        metadata.annotations.insert(CHALLENGE_DELAY.to_owned(), delay.to_owned());
    }
    Some(Object { metadata, spec, status: ChallengeStatus::default() })
}

/// Returns the data of a new order and the account to place it with.
#[must_use]
pub fn opening(view: &View, settings: &Settings, order: &Order) -> Option<(Account, NewOrder)> {
    let spec = &order.spec;
    let new = NewOrder {
        dns_names: spec.dns_names.clone(),
        ip_addresses: spec.ip_addresses.clone(),
        profile: spec.profile.clone(),
        replaces: spec.replaces.clone(),
    };
    Some((account(view, settings, order)?, new))
}

/// Returns what follows from placing an order, with its authorizations where they could be read. The order's URL is
/// stored before anything else is done with it.
#[must_use]
pub fn opened(
    order: &Order,
    placed: Option<Result<OrderState, CaError>>,
    authorizations: Result<Vec<Authorization>, CaError>,
    now: Timestamp,
) -> Option<Step> {
    let mut changed = order.clone();
    let status = &mut changed.status;
    match placed {
        Some(Err(error)) => refuse(status, "create Order", &error, now),
        placed => {
            if let Some(Ok(state)) = placed {
                status.url = state.url;
                status.finalize_url = state.finalize;
                status.state = state.state;
                status.reason = String::new();
                let urls = state.authorizations.into_iter();
                status.authorizations =
                    urls.map(|url| OrderAuthorization { url, ..OrderAuthorization::default() }).collect();
            }
            match authorizations {
                Err(error) => refuse(status, "retrieve Authorizations", &error, now),
                Ok(found) => {
                    status.reason = String::new();
                    status.authorizations = found.into_iter().map(authorization).collect();
                }
            }
        }
    }
    (changed.status != order.status).then(|| Step::write(Write::Status(changed.into())))
}

fn authorization(found: Authorization) -> OrderAuthorization {
    let challenges = found.challenges.into_iter();
    OrderAuthorization {
        url: found.url,
        identifier: found.identifier,
        wildcard: Some(found.wildcard),
        initial_state: found.state,
        challenges: challenges.map(|c| OrderChallenge { url: c.url, token: c.token, kind: c.kind }).collect(),
    }
}

/// The state of an order that was to be completed.
#[derive(Clone, Debug)]
pub struct Completion {
    /// The order as the CA has it, or why the last request failed: its purpose, as words for "Failed to …", and the error.
    pub state: Result<OrderState, (&'static str, CaError)>,
    /// The chain: PEM. `None` if it was not issued yet.
    pub chain: Option<Vec<u8>>,
}

impl Completion {
    /// True if the certificate was fetched.
    #[must_use]
    pub fn is_issued(&self) -> bool {
        self.chain.is_some()
    }
}

/// Returns what follows from completing an order. `failure` is the reason of one of its failed challenges.
#[must_use]
pub fn completed(order: &Order, completion: Completion, failure: Option<&str>, now: Timestamp) -> Option<Step> {
    let mut changed = order.clone();
    let status = &mut changed.status;
    match completion.state {
        Err((what, error)) => refuse(status, what, &error, now),
        Ok(state) => {
            status.state = state.state;
            status.reason = String::new();
            if state.state == State::Pending && failure.is_some() {
                status.state = State::Invalid;
            }
            if status.state.is_failure() {
                status.failure_time = Some(now);
                let message = state.error.map(|problem| problem.to_string());
                status.reason = failure.map(str::to_owned).or(message).unwrap_or_default();
            }
        }
    }
    if let Some(chain) = completion.chain {
        status.certificate = STANDARD.encode(chain);
        status.state = State::Valid;
    }
    (changed.status != order.status).then(|| Step::write(Write::Status(changed.into())))
}

/// Records an error of the CA: a final one ends the order, others are shown and retried.
fn refuse(status: &mut OrderStatus, what: &str, error: &CaError, now: Timestamp) {
    status.reason = format!("Failed to {what}: {error}");
    let after = error.retry_after().and_then(|after| SignedDuration::try_from(after).ok());
    if let Some(at) = after.map(|after| limit::next_try(now, after)) {
        status.reason.push_str(&format!("{}{at}", limit::NEXT_TRY));
    }
    if error.is_final() {
        status.state = State::Errored;
        status.failure_time = Some(now);
    }
}
