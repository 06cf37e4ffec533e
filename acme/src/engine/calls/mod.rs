//! Carrying out the planner's calls.

mod challenge;
mod order;

pub(super) use challenge::Proved;
pub(super) use order::Opened;

use super::propagation::Propagation;
use crate::account;
use crate::ca::{Ca, CaError, RenewalInfo};
use crate::http01::ChallengeTable;
use crate::objects::{CertificateRequest, Key, Meta};
use crate::planner::Call;
use crate::planner::{self, Completion, KeyToMake, Registering};
use crate::store::Store;
use crate::view::{Settings, View};
use crate::x509::key::{PrivateKey, PrivateKeyError};
use crate::x509::sign::{SignError, Signed};
use jiff::Timestamp;
use parking_lot::Mutex;
use std::sync::Arc;

/// The result of a call.
pub(super) enum Outcome {
    AccountKey(Result<PrivateKey, PrivateKeyError>),
    Completed(Completion),
    NextKey(KeyToMake, Result<PrivateKey, PrivateKeyError>),
    Opened(Opened),
    Proved(Proved),
    Registered(Box<Registering>, Result<String, CaError>),
    RenewalInfo(Result<Option<RenewalInfo>, CaError>),
    Signed(Result<Signed, SignError>),
}

/// What a call works with.
pub(super) struct Means<S, C> {
    pub(super) view: Arc<View>,
    pub(super) settings: Arc<Settings>,
    pub(super) store: Arc<S>,
    pub(super) ca: Arc<C>,
    pub(super) table: Arc<ChallengeTable>,
    pub(super) propagation: Arc<Mutex<Propagation>>,
    pub(super) now: Timestamp,
}

fn meta<'a>(view: &'a View, call: &Call) -> Option<&'a Meta> {
    let (kind, key) = call.target();
    match kind {
        planner::Kind::Certificate => view.certificates.get(key).map(|o| &o.metadata),
        planner::Kind::Challenge => view.challenges.get(key).map(|o| &o.metadata),
        planner::Kind::Issuer => view.issuers.get(key).map(|o| &o.metadata),
        planner::Kind::Order => view.orders.get(key).map(|o| &o.metadata),
        planner::Kind::CertificateRequest => view.requests.get(key).map(|o| &o.metadata),
        planner::Kind::Ingress | planner::Kind::Secret => None,
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

/// The issuer that a call is for.
pub(super) fn issuer(view: &View, call: &Call) -> Option<Key> {
    let (_, key) = call.target();
    let reference = match call {
        Call::AccountKey { issuer } | Call::Register { issuer } => return Some(issuer.clone()),
        Call::NextKey { .. } | Call::RenewalInfo { .. } => &view.certificates.get(key)?.spec.issuer_ref,
        Call::Sign { .. } => &view.requests.get(key)?.spec.issuer_ref,
        Call::Prove { .. } => &view.challenges.get(key)?.spec.issuer_ref,
        Call::Complete { .. } | Call::Open { .. } => &view.orders.get(key)?.spec.issuer_ref,
    };
    Some(reference.key(&key.namespace))
}

/// URL of an issuer's server.
pub(super) fn server_of(view: &View, issuer: &Key) -> Option<String> {
    Some(view.issuers.get(issuer)?.spec.acme.as_ref()?.server.clone())
}

/// URL of the server that a call goes to; `None` for calls that need no CA.
pub(super) fn server(view: &View, call: &Call) -> Option<String> {
    if matches!(call, Call::AccountKey { .. } | Call::NextKey { .. }) {
        return None;
    }
    server_of(view, &issuer(view, call)?)
}

/// Carries out a call. `None` if the view no longer needs it, or this replica does not lead.
pub(super) async fn perform<S: Store, C: Ca>(call: &Call, means: &Means<S, C>) -> Option<Outcome> {
    if !means.store.is_leader() {
        return None;
    }
    let (view, settings, ca) = (&*means.view, &*means.settings, &*means.ca);
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
            Some(Outcome::RenewalInfo(ca.renewal_info(&directory, &id, means.now).await))
        }
        Call::Sign { request } => sign(view, settings, view.requests.get(request)?, means.now).await,
        Call::Prove { challenge } => challenge::prove(means, challenge).await.map(Outcome::Proved),
        Call::Open { order } => order::open(view.orders.get(order)?, view, settings, ca).await.map(Outcome::Opened),
        Call::Complete { order } => {
            order::complete(view.orders.get(order)?, view, settings, ca).await.map(Outcome::Completed)
        }
    }
}

/// Signs a request off the threads that serve: RSA takes milliseconds.
async fn sign(view: &View, settings: &Settings, request: &CertificateRequest, now: Timestamp) -> Option<Outcome> {
    let issuer = view.issuers.get(&request.spec.issuer_ref.key(&request.metadata.namespace))?;
    let signing = planner::signing(view, settings, request, issuer, now).ok()?;
    let signed = tokio::task::spawn_blocking(move || {
        let mut serial = [0; 16];
        let unfilled = |_| PrivateKeyError::Signing("the system has no randomness".to_owned());
        aws_lc_rs::rand::fill(&mut serial).map_err(unfilled)?;
        signing.sign(serial, now)
    });
    signed.await.ok().map(Outcome::Signed)
}
