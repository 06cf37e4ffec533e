//! The condition `Ready` of issuers without ACME.

use super::Local;
use crate::objects::{CaSpec, ConditionStatus, Issuer, Key, Secret, condition, set_condition};
use crate::planner::action::{Event, Kind, Plan, Step, Write};
use crate::planner::certificate::foreign;
use crate::planner::context::Context;
use crate::view::{Settings, View};
use crate::x509::authority::{Authority, AuthorityError};
use jiff::Timestamp;
use std::sync::Arc;

/// The reason for which a CA cannot sign. Its text is cert-manager's, as far as it has one.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum CaError {
    #[error("secret {0:?} not found")]
    NoSecret(String),
    #[error("no data for {entry:?} in secret '{place}'")]
    NoEntry { entry: &'static str, place: Key },
    #[error("{0}")]
    Key(String),
    #[error(transparent)]
    Pair(#[from] AuthorityError),
}

impl CaError {
    /// Returns cert-manager's word for it.
    fn reason(&self) -> &'static str {
        match self {
            Self::NoSecret(_) | Self::NoEntry { .. } | Self::Pair(AuthorityError::Malformed) => "ErrGetKeyPair",
            Self::Key(_) | Self::Pair(_) => "ErrInvalidKeyPair",
        }
    }
}

/// Returns the CA of an issuer.
pub(super) fn authority(
    view: &View,
    settings: &Settings,
    issuer: &Issuer,
    spec: &CaSpec,
    now: Timestamp,
) -> Result<Arc<Authority>, CaError> {
    let place = Key::new(settings.issuer_namespace(&issuer.key()), spec.secret_name.clone());
    let secret = view.secrets.get(&place).ok_or_else(|| CaError::NoSecret(place.name.clone()))?;
    let has = |secret: &Secret, entry: &'static str| {
        let missing = || CaError::NoEntry { entry, place: place.clone() };
        secret.entry(entry).map(drop).ok_or_else(missing)
    };
    has(secret, "tls.crt")?;
    has(secret, "tls.key")?;
    let key = secret.private_key().map_err(|error| CaError::Key(error.to_string()))?;
    let authority = secret.authority(key)?;
    if authority.not_after <= now {
        return Err(AuthorityError::Expired(authority.not_after).into());
    }
    Ok(authority)
}

/// Keeps `Ready` up to date. An issuer of a type that is not served is reported where no cert-manager is at work.
pub(in crate::planner) fn plan(context: &Context<'_>, issuer: &Arc<Issuer>, plan: &mut Plan) {
    if issuer.metadata.deletion_timestamp.is_some() {
        return;
    }
    match Local::of(issuer) {
        Some(Local::SelfSigned(_)) => plan.steps.extend(ready(issuer, "IsReady", "", context.now)),
        Some(Local::Ca(spec)) => match authority(context.view, context.settings, issuer, spec, context.now) {
            Ok(authority) => {
                plan.wake_at(authority.not_after);
                plan.steps.extend(ready(issuer, "KeyPairVerified", "Signing CA verified", context.now));
            }
            Err(error) => {
                let message = format!("Error getting keypair for CA issuer: {error}");
                plan.steps.extend(unready(issuer, error.reason(), &message, context.now));
            }
        },
        None if context.settings.alone => {
            let why = foreign::unserved_issuer(issuer).to_string();
            plan.steps.extend(unready(issuer, foreign::REASON, &why, context.now));
        }
        None => {}
    }
}

fn ready(issuer: &Issuer, reason: &'static str, message: &str, now: Timestamp) -> Option<Step> {
    let step = written(issuer, ConditionStatus::True, reason, message, now)?;
    let was = condition(&issuer.status.conditions, "Ready").is_some_and(|ready| ready.status == ConditionStatus::True);
    let news = (!was && !message.is_empty()).then(|| Event::normal(Kind::Issuer, &issuer.metadata, reason, message));
    Some(news.into_iter().fold(step, Step::with))
}

fn unready(issuer: &Issuer, reason: &'static str, message: &str, now: Timestamp) -> Option<Step> {
    let step = written(issuer, ConditionStatus::False, reason, message, now)?;
    Some(step.with(Event::warning(Kind::Issuer, &issuer.metadata, reason, message)))
}

fn written(issuer: &Issuer, status: ConditionStatus, reason: &str, message: &str, now: Timestamp) -> Option<Step> {
    let mut changed = issuer.clone();
    let generation = Some(issuer.metadata.generation);
    set_condition(&mut changed.status.conditions, "Ready", status, reason, message, generation, now);
    (changed.status != issuer.status).then(|| Step::write(Write::Status(changed.into())))
}
