//! Certificates: whether they are as they should be, and the making of those that are not.

mod issue;
pub(super) mod key;
mod policy;
pub(super) mod renewal;
mod secret;

use super::memo::{Memo, Seen};
use super::{Call, Context, Event, Kind, Plan, Step, Write};
use crate::names::{CERTIFICATE_REVISION, OWN};
use crate::objects::{
    Certificate, CertificateRequest, ConditionStatus, GROUP, IssuerRef, Key, Secret, condition, set_condition,
};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

/// Whether an issuer of this group is ours to be: cert-manager's, or our own where both live side by side.
pub(super) fn is_ours(reference: &IssuerRef) -> bool {
    matches!(reference.group(), GROUP | OWN)
}

/// A Certificate with what belongs to it.
struct Subject<'a> {
    certificate: &'a Arc<Certificate>,
    secret: Option<&'a Arc<Secret>>,
    /// The request that the certificate in the Secret came from.
    current: Option<&'a Arc<CertificateRequest>>,
    /// The request of the certificate in the making.
    next: Option<&'a Arc<CertificateRequest>>,
    /// Another Certificate fills the Secret.
    outranked: Option<&'a Arc<Certificate>>,
}

impl Subject<'_> {
    fn next_revision(&self) -> i64 {
        self.certificate.status.revision.unwrap_or(0) + 1
    }
}

fn revision(request: &CertificateRequest) -> Option<i64> {
    request.metadata.annotation(CERTIFICATE_REVISION)?.parse().ok()
}

pub(super) fn plan(context: &Context<'_>, certificate: &Arc<Certificate>, memo: &mut Memo, plan: &mut Plan) {
    if certificate.metadata.deletion_timestamp.is_some() || !is_ours(&certificate.spec.issuer_ref) {
        return;
    }
    let issuer = context.view.issuers.get(&certificate.spec.issuer_ref.key(&certificate.metadata.namespace));
    if issuer.is_some_and(|issuer| issuer.spec.acme.is_none()) {
        return;
    }
    let place = Key::new(certificate.metadata.namespace.clone(), certificate.spec.secret_name.clone());
    let requests = context.index.requests(certificate);
    let of_revision = |wanted: i64| requests.iter().copied().find(|request| revision(request) == Some(wanted));
    let owner = context.index.owner_of_secret(context.view, &place);
    let subject = Subject {
        certificate,
        secret: context.view.secrets.get(&place),
        current: certificate.status.revision.and_then(of_revision),
        next: of_revision(certificate.status.revision.unwrap_or(0) + 1),
        outranked: owner.filter(|owner| owner.metadata.name != certificate.metadata.name),
    };
    if is_issuing(certificate) || !context.index.next_keys(certificate).is_empty() {
        return look(context, &subject, requests, plan);
    }
    let seen = Seen {
        certificate: Arc::clone(certificate),
        secret: subject.secret.cloned(),
        requests: requests.iter().copied().cloned().collect(),
        issuer: issuer.cloned(),
        outranked: subject.outranked.cloned(),
    };
    if memo.is_calm(&seen, context.now, plan) {
        return;
    }
    let mut own = Plan::default();
    look(context, &subject, requests, &mut own);
    memo.note(seen, context.now, &own);
    plan.add(own);
}

fn look(context: &Context<'_>, subject: &Subject<'_>, requests: &[&Arc<CertificateRequest>], plan: &mut Plan) {
    if let Some(step) = settle(context, subject, plan) {
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

/// Brings the status up to date: validity, Ready, and Issuing where a new certificate is due.
fn settle(context: &Context<'_>, subject: &Subject<'_>, plan: &mut Plan) -> Option<Step> {
    let certificate = subject.certificate;
    let now = context.now;
    let generation = Some(certificate.metadata.generation);
    let mut changed = Certificate::clone(certificate);
    let leaf = subject.secret.and_then(|secret| secret.leaf().ok());
    let renewal = leaf.as_ref().and_then(|leaf| renewal::time(certificate, leaf));
    changed.status.not_before = leaf.as_ref().map(|leaf| leaf.not_before);
    changed.status.not_after = leaf.as_ref().map(|leaf| leaf.not_after);
    changed.status.renewal_time = renewal;
    if leaf.is_none() {
        changed.status.acme = None;
    }

    let violation = policy::violation(subject);
    let expired = leaf.as_ref().filter(|leaf| leaf.not_after <= now).map(|leaf| {
        let at = leaf.not_after.strftime("%a, %d %b %Y %H:%M:%S UTC");
        policy::Violation { reason: "Expired", message: format!("Certificate expired on {at}") }
    });
    let conditions = &mut changed.status.conditions;
    match violation.as_ref().or(expired.as_ref()) {
        None => {
            let message = "Certificate is up to date and has not expired";
            set_condition(conditions, "Ready", ConditionStatus::True, "Ready", message, generation, now);
        }
        Some(wrong) => {
            set_condition(conditions, "Ready", ConditionStatus::False, wrong.reason, &*wrong.message, generation, now);
        }
    }
    secret::note_keystores(&mut changed, now);
    if let Some(leaf) = &leaf {
        [leaf.not_after].into_iter().filter(|at| *at > now).for_each(|at| plan.wake_at(at));
    }

    let mut event = None;
    if !is_issuing(certificate) {
        let due = violation.or_else(|| renewal::due(certificate, renewal, now, plan));
        if let Some(due) = due.filter(|_| may_begin(subject, now, plan)) {
            let status = ConditionStatus::True;
            set_condition(
                &mut changed.status.conditions,
                "Issuing",
                status,
                due.reason,
                &*due.message,
                generation,
                now,
            );
            event = Some(Event::normal(Kind::Certificate, &certificate.metadata, "Issuing", due.message));
        }
    }
    if changed.status == certificate.status {
        return None;
    }
    let mut step = Step::write(Write::Status(changed.into()));
    step.events.extend(event);
    Some(step)
}

/// Whether a new attempt may begin: not for a Secret that another Certificate fills, and not too soon after a failure.
fn may_begin(subject: &Subject<'_>, now: Timestamp, plan: &mut Plan) -> bool {
    let certificate = subject.certificate;
    if let Some(owner) = subject.outranked {
        let message = format!(
            "Secret {:?} is filled by Certificate {:?}, which is older or named in the Secret: choose another secretName",
            certificate.spec.secret_name, owner.metadata.name
        );
        let event = Event::warning(Kind::Certificate, &certificate.metadata, "DuplicateSecretName", message);
        plan.steps.push(Step { writes: Vec::new(), events: vec![event] });
        return false;
    }
    let Some(failed) = certificate.status.last_failure_time else { return true };
    // Whoever has corrected the spec need not wait for what failed before.
    if subject.next.is_some_and(|request| !policy::request_violations(&certificate.spec, request).is_empty()) {
        return true;
    }
    let attempts = certificate.status.failed_issuance_attempts.unwrap_or(1).clamp(1, 6);
    let hours = (1_i64 << (attempts - 1)).min(32);
    let again = failed.checked_add(SignedDuration::from_hours(hours)).unwrap_or(Timestamp::MAX);
    if again > now {
        plan.wake_at(again);
    }
    again <= now
}

/// What is left over when nothing is being made.
fn tidy(context: &Context<'_>, subject: &Subject<'_>, requests: &[&Arc<CertificateRequest>], plan: &mut Plan) {
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
    let mut past: Vec<_> = requests.iter().filter_map(|request| Some((revision(request)?, *request))).collect();
    past.sort_by_key(|(revision, _)| std::cmp::Reverse(*revision));
    for (_, request) in past.into_iter().skip(keep) {
        let (key, uid) = (request.key(), request.metadata.uid.clone());
        plan.steps.push(Step::write(Write::Delete { kind: Kind::CertificateRequest, key, uid }));
    }
    if context.settings.renewal_information && renewal::must_ask(context, certificate, plan) {
        plan.calls.push(Call::RenewalInfo { certificate: certificate.key() });
    }
}

/// Asks for a new certificate as `cmctl renew` does: anybody may.
#[must_use]
pub fn renew(certificate: &Certificate, now: Timestamp) -> Write {
    let mut changed = certificate.clone();
    let generation = Some(certificate.metadata.generation);
    let message = "Certificate re-issuance manually triggered";
    let conditions = &mut changed.status.conditions;
    set_condition(conditions, "Issuing", ConditionStatus::True, "ManuallyTriggered", message, generation, now);
    Write::Status(changed.into())
}
