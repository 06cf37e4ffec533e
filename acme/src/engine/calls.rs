//! Carrying out the planner's calls.

use crate::account;
use crate::ca::{Account, Authorization, Ca, CaError, OrderState, RenewalInfo};
use crate::http01::{Method, NO_REPLICA, OF_REPLICA, probe};
use crate::objects::{Challenge, Key, Meta, Order, State};
use crate::planner::Call;
use crate::planner::{self, KeyToMake, Registering};
use crate::store::{Replicas, Store};
use crate::view::{Settings, View};
use crate::x509::csr::Csr;
use crate::x509::key::{PrivateKey, PrivateKeyError};
use futures_util::future::join_all;
use jiff::Timestamp;
use std::sync::Arc;

/// The result of a call.
pub(super) enum Outcome {
    Accepted(Result<(), CaError>),
    AccountKey(Result<PrivateKey, PrivateKeyError>),
    Authorizations(Result<Vec<Authorization>, CaError>),
    Checked(Result<Authorization, CaError>),
    Downloaded(Result<Vec<u8>, CaError>),
    Finalized(Result<OrderState, CaError>),
    NextKey(KeyToMake, Result<PrivateKey, PrivateKeyError>),
    Opened(Result<OrderState, CaError>),
    Probed(Result<(), String>),
    Refreshed(Result<OrderState, CaError>),
    Registered(Box<Registering>, Result<String, CaError>),
    RenewalInfo(Result<Option<RenewalInfo>, CaError>),
}

fn meta<'a>(view: &'a View, call: &Call) -> Option<&'a Meta> {
    let (kind, key) = call.target();
    match kind {
        planner::Kind::Certificate => view.certificates.get(key).map(|o| &o.metadata),
        planner::Kind::Challenge => view.challenges.get(key).map(|o| &o.metadata),
        planner::Kind::Issuer => view.issuers.get(key).map(|o| &o.metadata),
        planner::Kind::Order => view.orders.get(key).map(|o| &o.metadata),
        planner::Kind::CertificateRequest | planner::Kind::Ingress | planner::Kind::Secret => None,
    }
}

/// The uid of the object that a call is for.
pub(super) fn uid(view: &View, call: &Call) -> Option<String> {
    meta(view, call).map(|meta| meta.uid.clone())
}

/// A fingerprint of the inputs of a call that people write: the generation of its object, and for a registration the
/// versions of the Secrets that the issuer names. A failed call is repeated early if it changes.
pub(super) fn basis(view: &View, settings: &Settings, call: &Call) -> String {
    let mut basis = meta(view, call).map_or(0, |meta| meta.generation).to_string();
    let Call::Register { issuer: key } = call else { return basis };
    let Some(acme) = view.issuers.get(key).and_then(|issuer| issuer.spec.acme.as_ref()) else { return basis };
    let binding = acme.external_account_binding.as_ref().map(|binding| &binding.key_secret_ref);
    for reference in binding.into_iter().chain([&acme.private_key_secret_ref]) {
        let place = Key::new(settings.issuer_namespace(key), reference.name.clone());
        let version = view.secrets.get(&place).map_or("", |secret| &secret.metadata.resource_version);
        basis = format!("{basis} {version}");
    }
    basis
}

/// URL of the server that a call goes to; `None` for calls that need no CA.
pub(super) fn server(view: &View, call: &Call) -> Option<String> {
    let (_, key) = call.target();
    let issuer = match call {
        Call::AccountKey { .. } | Call::NextKey { .. } | Call::Probe { .. } => return None,
        Call::Register { issuer } => issuer.clone(),
        Call::RenewalInfo { certificate } => {
            view.certificates.get(certificate)?.spec.issuer_ref.key(&certificate.namespace)
        }
        Call::Accept { challenge } | Call::Check { challenge } => {
            view.challenges.get(challenge)?.spec.issuer_ref.key(&challenge.namespace)
        }
        _ => view.orders.get(key)?.spec.issuer_ref.key(&key.namespace),
    };
    Some(view.issuers.get(&issuer)?.spec.acme.as_ref()?.server.clone())
}

/// Carries out a call. `None` if the view no longer needs it, or this replica does not lead.
pub(super) async fn perform(
    call: &Call,
    view: &Arc<View>,
    settings: &Settings,
    store: &impl Store,
    ca: &impl Ca,
    now: Timestamp,
) -> Option<Outcome> {
    if !store.is_leader() {
        return None;
    }
    match call {
        Call::AccountKey { .. } => {
            let made = tokio::task::spawn_blocking(account::generate).await;
            Some(Outcome::AccountKey(made.unwrap_or_else(|error| Err(PrivateKeyError::Generation(error.to_string())))))
        }
        Call::NextKey { certificate } => {
            let pending = planner::key_to_make(view, view.certificates.get(certificate)?)?;
            let spec = pending.spec.clone();
            let made = tokio::task::spawn_blocking(move || PrivateKey::generate(&spec)).await;
            let made = made.unwrap_or_else(|error| Err(PrivateKeyError::Generation(error.to_string())));
            Some(Outcome::NextKey(pending, made))
        }
        Call::Register { issuer } => {
            let registering = planner::registering(view, settings, view.issuers.get(issuer)?)?;
            let result = ca.register(&registering.directory, &registering.registration).await;
            Some(Outcome::Registered(Box::new(registering), result))
        }
        Call::RenewalInfo { certificate } => {
            let certificate = view.certificates.get(certificate)?;
            let (directory, id) = planner::ari_target(view, settings, certificate)?;
            Some(Outcome::RenewalInfo(ca.renewal_info(&directory, &id, now).await))
        }
        Call::Probe { challenge } => Some(Outcome::Probed(probe_all(store, view.challenges.get(challenge)?).await)),
        Call::Accept { challenge } => {
            let (challenge, account) = of_challenge(view, settings, challenge)?;
            Some(Outcome::Accepted(ca.accept(&account, &challenge.spec.url).await))
        }
        Call::Check { challenge } => {
            let (challenge, account) = of_challenge(view, settings, challenge)?;
            Some(Outcome::Checked(ca.authorization(&account, &challenge.spec.authorization_url).await))
        }
        Call::NewOrder { order }
        | Call::Authorizations { order }
        | Call::Refresh { order }
        | Call::Finalize { order }
        | Call::Download { order } => of_order(call, view.orders.get(order)?, view, settings, ca).await,
    }
}

fn of_challenge<'a>(view: &'a View, settings: &Settings, key: &Key) -> Option<(&'a Challenge, Account)> {
    let challenge = view.challenges.get(key)?;
    let owner = challenge.metadata.controller()?;
    let order = view.orders.get(&Key::new(key.namespace.clone(), owner.name.clone()))?;
    Some((challenge, planner::opening(view, settings, order)?.0))
}

async fn of_order(call: &Call, order: &Order, view: &View, settings: &Settings, ca: &impl Ca) -> Option<Outcome> {
    let (account, mut new) = planner::opening(view, settings, order)?;
    let url = &order.status.url;
    match call {
        Call::NewOrder { .. } => {
            let mut result = ca.new_order(&account, &new).await;
            // The replaced certificate may be replaced already or belong to another account. The order is then placed
            // without it.
            if !new.replaces.is_empty() && result.as_ref().is_err_and(CaError::is_final) {
                new.replaces.clear();
                result = ca.new_order(&account, &new).await;
            }
            Some(Outcome::Opened(result))
        }
        Call::Authorizations { .. } => {
            let mut found = Vec::new();
            for authorization in &order.status.authorizations {
                match ca.authorization(&account, &authorization.url).await {
                    Ok(authorization) => found.push(authorization),
                    Err(error) => return Some(Outcome::Authorizations(Err(error))),
                }
            }
            Some(Outcome::Authorizations(Ok(found)))
        }
        Call::Finalize { .. } => {
            let csr = match Csr::from_base64(&order.spec.request) {
                Ok(csr) => csr,
                Err(error) => return Some(Outcome::Finalized(Err(CaError::Key(error.to_string())))),
            };
            let result = ca.finalize(&account, url, &csr.der).await;
            if result.as_ref().is_err_and(CaError::is_final) {
                // An earlier leader may have submitted it and failed to record that.
                if let Ok(state) = ca.order(&account, url).await
                    && state.state != State::Ready
                {
                    return Some(Outcome::Finalized(Ok(state)));
                }
            }
            Some(Outcome::Finalized(result))
        }
        Call::Download { .. } => {
            let issuer = view.issuers.get(&order.spec.issuer_ref.key(&order.metadata.namespace))?;
            let preferred = issuer.spec.acme.as_ref().map_or("", |acme| acme.preferred_chain.as_str());
            Some(Outcome::Downloaded(ca.certificate(&account, url, preferred).await))
        }
        _ => Some(Outcome::Refreshed(ca.order(&account, url).await)),
    }
}

/// Probes every replica. The error names the first one with a wrong response.
async fn probe_all(store: &impl Store, challenge: &Challenge) -> Result<(), String> {
    let replicas = match store.replicas().await.map_err(|error| format!("the replicas are not known: {error}"))? {
        Replicas::Alone => return Ok(()),
        Replicas::All(replicas) if replicas.is_empty() => {
            return Err(NO_REPLICA.to_owned());
        }
        Replicas::All(replicas) => replicas,
    };
    let spec = &challenge.spec;
    let method = Method::of(challenge).ok_or("flow-proxy solves HTTP-01 and TLS-ALPN-01 only")?;
    let asked = replicas.iter().map(|replica| async move {
        let result = match (method, replica.https) {
            (Method::Http01, _) => probe::http(replica.http, &spec.dns_name, &spec.token, &spec.key).await,
            (Method::TlsAlpn01, Some(https)) => probe::tls_alpn(https, &spec.dns_name, &spec.key).await,
            (Method::TlsAlpn01, None) => return Err(format!("{} has no TLS listener", replica.name)),
        };
        result.map_err(|error| format!("{error} {OF_REPLICA}{})", replica.name))
    });
    join_all(asked).await.into_iter().collect()
}
