//! Certificates: checking them, and issuing those that are not as they should be.

pub(super) mod brake;
mod failure;
pub(super) mod foreign;
pub(super) mod issue;
pub(super) mod key;
mod keystore;
mod policy;
pub(super) mod renewal;
mod secret;
pub(super) mod status;
mod window;

use super::index::filled;
use super::{Call, Context, Kind, Plan, Step, Write};
use crate::names::CERTIFICATE_REVISION;
use crate::objects::{Certificate, CertificateRequest, ConditionStatus, Issuer, Secret, condition, set_condition};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

/// See [`settled`].
const SETTLING: SignedDuration = SignedDuration::from_secs(1);

/// A Certificate with the objects that belong to it.
struct Subject<'a> {
    certificate: &'a Arc<Certificate>,
    secret: Option<&'a Arc<Secret>>,
    /// The request from which the certificate in the Secret came.
    current: Option<&'a Arc<CertificateRequest>>,
    /// The request of the certificate being issued.
    next: Option<&'a Arc<CertificateRequest>>,
    /// The Certificate that fills the Secret instead of this one.
    outranked: Option<&'a Arc<Certificate>>,
    issuer: Option<&'a Arc<Issuer>>,
}

fn next_revision(certificate: &Certificate) -> i64 {
    certificate.status.revision.unwrap_or(0) + 1
}

fn revision(request: &CertificateRequest) -> Option<i64> {
    request.metadata.annotation(CERTIFICATE_REVISION)?.parse().ok()
}

pub(super) fn plan(context: &Context<'_>, certificate: &Arc<Certificate>, plan: &mut Plan) {
    if certificate.metadata.deletion_timestamp.is_some() {
        return;
    }
    let place = filled(certificate);
    let issuer = context.view.issuers.get(&certificate.spec.issuer_ref.key(&certificate.metadata.namespace));
    if let Some(why) = foreign::unserved(context.view, certificate) {
        return foreign::plan(context, certificate, context.view.secrets.get(&place), why.to_string(), plan);
    }
    let requests = context.index.requests(certificate);
    let of_revision = |wanted: i64| requests.iter().find(|request| revision(request) == Some(wanted));
    let owner = context.index.owner_of_secret(context.view, &place);
    let subject = Subject {
        certificate,
        secret: context.view.secrets.get(&place),
        current: certificate.status.revision.and_then(of_revision),
        next: of_revision(next_revision(certificate)),
        outranked: owner.filter(|owner| owner.metadata.name != certificate.metadata.name),
        issuer,
    };
    if let Some(at) = settled(&subject, context.now).filter(|at| *at > context.now) {
        return plan.wake_at(at);
    }
    look(context, &subject, requests, plan);
}

/// The time from which the missing Secret of a new Certificate counts as missing: one that was created with it may be
/// seen a moment later. Ingresses named their Secret before.
fn settled(subject: &Subject<'_>, now: Timestamp) -> Option<Timestamp> {
    let certificate = subject.certificate;
    let fresh = subject.secret.is_none() && certificate.status.conditions.is_empty();
    let owned = certificate.metadata.controller().is_some_and(|owner| owner.kind == "Ingress");
    // A creation in the future is that of a server whose clock goes ahead.
    let created = certificate.metadata.creation_timestamp.filter(|created| fresh && !owned && *created <= now)?;
    created.checked_add(SETTLING).ok()
}

fn look(context: &Context<'_>, subject: &Subject<'_>, requests: &[Arc<CertificateRequest>], plan: &mut Plan) {
    if let Some(step) = status::plan(context, subject, plan) {
        return plan.steps.push(step);
    }
    if is_issuing(subject.certificate) {
        issue::plan(context, subject, plan);
    } else {
        tidy(context, subject, requests, plan);
    }
}

fn is_issuing(certificate: &Certificate) -> bool {
    condition(&certificate.status.conditions, "Issuing").is_some_and(|c| c.status == ConditionStatus::True)
}

/// Deletes what is left over while nothing is being issued.
fn tidy(context: &Context<'_>, subject: &Subject<'_>, requests: &[Arc<CertificateRequest>], plan: &mut Plan) {
    let certificate = subject.certificate;
    for secret in context.index.next_keys(certificate) {
        let (key, uid) = (secret.key(), secret.metadata.uid.clone());
        plan.steps.push(Step::write(Write::Delete { kind: Kind::Secret, key, uid }));
    }
    if certificate.status.next_private_key_secret_name.is_some() {
        let mut changed = Certificate::clone(certificate);
        changed.status.next_private_key_secret_name = None;
        return plan.steps.push(Step::write(Write::Status(changed.into())));
    }
    let ready = condition(&certificate.status.conditions, "Ready").is_some_and(|c| c.status == ConditionStatus::True);
    if !ready || subject.outranked.is_some() {
        return;
    }
    plan.steps.extend(secret::upkeep(context, subject));
    let keep = usize::try_from(certificate.spec.revision_history_limit.unwrap_or(1)).unwrap_or(1).max(1);
    let mut past: Vec<_> = requests.iter().filter_map(|request| Some((revision(request)?, request))).collect();
    past.sort_by_key(|(revision, _)| std::cmp::Reverse(*revision));
    for (_, request) in past.into_iter().skip(keep) {
        let (key, uid) = (request.key(), request.metadata.uid.clone());
        plan.steps.push(Step::write(Write::Delete { kind: Kind::CertificateRequest, key, uid }));
    }
    if context.settings.renewal_information && renewal::must_ask(context, certificate, plan) {
        plan.calls.push(Call::RenewalInfo { certificate: certificate.key() });
    }
}

/// Asks for a new certificate as `cmctl renew` does.
#[must_use]
pub fn renew(certificate: &Certificate, now: Timestamp) -> Write {
    let mut changed = certificate.clone();
    let generation = Some(certificate.metadata.generation);
    let message = "Certificate re-issuance manually triggered";
    let conditions = &mut changed.status.conditions;
    set_condition(conditions, "Issuing", ConditionStatus::True, "ManuallyTriggered", message, generation, now);
    Write::Status(changed.into())
}
