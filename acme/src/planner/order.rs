//! Orders: placing, proving, finalizing and fetching them.

use super::action::{Call, Event, Kind, Plan, Step, Write};
use super::context::Context;
use super::{issuer, solver};
use crate::ca::{Account, Authorization, CaError, NewOrder, OrderState};
use crate::http01::Method;
use crate::names::{self, CHALLENGE_TYPE};
use crate::objects::{
    ACME_GROUP, Challenge, ChallengeSpec, ChallengeStatus, Key, Meta, Object, Order, OrderAuthorization,
    OrderChallenge, Owner, State, VERSION,
};
use crate::view::{Settings, View};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
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
    let call = || order.key();
    if status.url.is_empty() {
        plan.calls.push(Call::NewOrder { order: call() });
    } else if status.authorizations.iter().any(|authorization| authorization.identifier.is_empty()) {
        plan.calls.push(Call::Authorizations { order: call() });
    } else {
        match status.state {
            State::Unknown | State::Pending => prove(context, order, &account, plan),
            State::Processing => plan.calls.push(Call::Refresh { order: call() }),
            State::Ready => plan.calls.push(Call::Finalize { order: call() }),
            State::Valid => plan.calls.push(Call::Download { order: call() }),
            State::Invalid | State::Expired | State::Errored => {}
        }
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
                    Some(challenge) => {
                        let name = &challenge.metadata.name;
                        let message =
                            format!("Created Challenge resource {name:?} for domain {:?}", challenge.spec.dns_name);
                        let event = Event::normal(Kind::Order, &order.metadata, "Created", message);
                        plan.steps.push(Step::write(Write::Create(challenge.into())).with(event));
                    }
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
        plan.calls.push(Call::Refresh { order: order.key() });
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
    let solver = solver::choose(solvers, &order.metadata, &authorization.identifier, wildcard)?;
    let over_tls = order.metadata.annotation(CHALLENGE_TYPE) == Some("TLS-ALPN-01");
    let method = if over_tls { Method::TlsAlpn01 } else { Method::Http01 };
    let offered = authorization.challenges.iter().find(|offered| offered.kind == method.wire())?;
    let spec = ChallengeSpec {
        url: offered.url.clone(),
        authorization_url: authorization.url.clone(),
        dns_name: authorization.identifier.clone(),
        wildcard,
        kind: "HTTP-01".to_owned(),
        token: offered.token.clone(),
        key: format!("{}.{}", offered.token, account.key.thumbprint()?),
        solver,
        issuer_ref: order.spec.issuer_ref.clone(),
    };
    let hash = names::fnv32(&serde_json::to_vec(&spec).unwrap_or_default());
    let name = names::numbered(&order.metadata.name, hash);
    let mut metadata = Meta::named(Key::new(order.metadata.namespace.clone(), name));
    metadata.owner_references = vec![Owner::controller(&format!("{ACME_GROUP}/{VERSION}"), "Order", &order.metadata)];
    if over_tls {
        metadata.annotations.insert(CHALLENGE_TYPE.to_owned(), method.to_string());
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

fn status(order: &Order, change: impl FnOnce(&mut Order)) -> Option<Step> {
    let mut changed = order.clone();
    change(&mut changed);
    (changed.status != order.status).then(|| Step::write(Write::Status(changed.into())))
}

/// Records an error of the CA: a final one ends the order, others are shown and retried.
fn refused(order: &Order, what: &str, error: &CaError, now: Timestamp) -> Option<Step> {
    let reason = format!("Failed to {what}: {error}");
    status(order, |order| {
        order.status.reason = reason;
        if error.is_final() {
            order.status.state = State::Errored;
            order.status.failure_time = Some(now);
        }
    })
}

/// Returns what follows from placing an order. Its URL is stored before anything else is done with it.
#[must_use]
pub fn opened(order: &Order, result: Result<OrderState, CaError>, now: Timestamp) -> Option<Step> {
    match result {
        Err(error) => refused(order, "create Order", &error, now),
        Ok(state) => status(order, |order| {
            order.status.url = state.url;
            order.status.finalize_url = state.finalize;
            order.status.state = state.state;
            order.status.reason = String::new();
            let urls = state.authorizations.into_iter();
            order.status.authorizations =
                urls.map(|url| OrderAuthorization { url, ..OrderAuthorization::default() }).collect();
        }),
    }
}

/// Returns what follows from reading the authorizations.
#[must_use]
pub fn found(order: &Order, result: Result<Vec<Authorization>, CaError>, now: Timestamp) -> Option<Step> {
    match result {
        Err(error) => refused(order, "retrieve Authorizations", &error, now),
        Ok(authorizations) => status(order, |order| {
            order.status.reason = String::new();
            order.status.authorizations = authorizations
                .into_iter()
                .map(|authorization| OrderAuthorization {
                    url: authorization.url,
                    identifier: authorization.identifier,
                    wildcard: Some(authorization.wildcard),
                    initial_state: authorization.state,
                    challenges: authorization
                        .challenges
                        .into_iter()
                        .map(|c| OrderChallenge { url: c.url, token: c.token, kind: c.kind })
                        .collect(),
                })
                .collect();
        }),
    }
}

/// Returns what follows from reading an order. `failure` is the reason of one of its failed challenges.
#[must_use]
pub fn refreshed(
    order: &Order,
    result: Result<OrderState, CaError>,
    failure: Option<&str>,
    now: Timestamp,
) -> Option<Step> {
    match result {
        Err(error) => refused(order, "retrieve Order resource", &error, now),
        Ok(state) => status(order, |order| {
            order.status.state = state.state;
            order.status.reason = String::new();
            if state.state == State::Pending && failure.is_some() {
                order.status.state = State::Invalid;
            }
            if order.status.state.is_failure() {
                order.status.failure_time = Some(now);
                let message = state.error.map(|problem| problem.to_string());
                order.status.reason = failure.map(str::to_owned).or(message).unwrap_or_default();
            }
        }),
    }
}

/// Returns what follows from submitting the signing request.
#[must_use]
pub fn finalized(order: &Order, result: Result<OrderState, CaError>, now: Timestamp) -> Option<Step> {
    match result {
        Err(error) => refused(order, "finalize Order", &error, now),
        state => refreshed(order, state, None, now),
    }
}

/// Returns what follows from fetching the chain.
#[must_use]
pub fn downloaded(order: &Order, result: Result<Vec<u8>, CaError>, now: Timestamp) -> Option<Step> {
    match result {
        Err(error) => refused(order, "fetch the certificate", &error, now),
        Ok(chain) => {
            let step = status(order, |order| {
                order.status.certificate = STANDARD.encode(chain);
                order.status.state = State::Valid;
                order.status.reason = String::new();
            });
            let event = Event::normal(Kind::Order, &order.metadata, "Complete", "Order completed successfully");
            step.map(|step| step.with(event))
        }
    }
}
