//! The status of a Certificate: validity, `Ready`, and `Issuing` when a new certificate is due.

use super::brake::{self, Brake};
use super::policy::{self, Violation};
use super::{Subject, foreign, is_issuing, issue, key, keystore, renewal, secret};
use crate::objects::{Certificate, ConditionStatus, condition, set_condition};
use crate::planner::action::{Event, Kind, Line, Plan, Step, Urgency, Write};
use crate::planner::context::Context;
use crate::planner::issuer;
use crate::x509::Leaf;
use jiff::{SignedDuration, Timestamp};

/// Updates the status; `None` if it is up to date.
pub(super) fn plan(context: &Context<'_>, subject: &Subject<'_>, plan: &mut Plan) -> Option<Step> {
    let certificate = subject.certificate;
    let now = context.now;
    let mut changed = Certificate::clone(certificate);
    let leaf = subject.secret.and_then(|secret| secret.leaf().ok());
    let violation = violation(subject);
    let mut events = Vec::new();
    events.extend(describe(context, subject, leaf.as_deref(), violation.as_ref(), &mut changed));
    if let Some(leaf) = &leaf {
        [leaf.not_after].into_iter().filter(|at| *at > now).for_each(|at| plan.wake_at(at));
    }
    if !is_issuing(certificate) {
        let renewal = changed.status.renewal_time;
        let due = violation.or_else(|| renewal::due(certificate, renewal, now, plan));
        let due = due.filter(|_| may_begin(subject, now, plan));
        events.extend(begin(subject, due, Brake::of(subject, leaf.as_deref(), now), &mut changed, now, plan));
        if is_issuing(&changed) {
            plan.line = in_line(context, certificate);
        }
    }
    if changed.status == certificate.status {
        return None;
    }
    Some(Step { writes: vec![Write::Status(changed.into())], events })
}

/// The place in the line of a Certificate that is about to be issued. One that serves nothing shows at once that it is
/// wanted; a renewal with time left waits for its turn without a write.
fn in_line(context: &Context<'_>, certificate: &Certificate) -> Option<Line> {
    let urgency = issue::urgency(context, certificate);
    let ready = issuer::is_ready(context, &certificate.spec.issuer_ref, &certificate.metadata.namespace);
    (ready && urgency != Urgency::Missing).then_some(Line::Waiting(urgency))
}

/// Writes into `changed` what is known of the certificate in the Secret: its validity, and `Ready`. Returns the event
/// for an issuer that does not exist, and for windows that are broken.
fn describe(
    context: &Context<'_>,
    subject: &Subject<'_>,
    leaf: Option<&Leaf>,
    violation: Option<&Violation>,
    changed: &mut Certificate,
) -> Option<Event> {
    changed.status.not_before = leaf.map(|leaf| leaf.not_before);
    changed.status.not_after = leaf.map(|leaf| leaf.not_after);
    let renewal = leaf.map_or(Ok(None), |leaf| renewal::time(changed, leaf));
    let broken = renewal
        .as_ref()
        .err()
        .map(|error| Violation { reason: WINDOW_ERROR, message: format!("Could not calculate renewal time: {error}") });
    changed.status.renewal_time = renewal.unwrap_or_default();
    if leaf.is_none() {
        changed.status.acme = None;
    }
    let event = ready(context, subject, leaf, violation, broken, changed);
    note_late(changed, context.now);
    keystore::note(context.view, changed, context.now);
    event
}

/// Writes into `changed`, the status after an issuance, what is known of the certificate in its new Secret. `subject`
/// is the Certificate with that Secret. Returns the event for windows that are broken.
pub(super) fn describe_issued(
    context: &Context<'_>,
    subject: &Subject<'_>,
    leaf: &Leaf,
    changed: &mut Certificate,
) -> Option<Event> {
    describe(context, subject, Some(leaf), violation(subject).as_ref(), changed)
}

/// Returns what is wrong with the Secret. If another Certificate fills it, that comes first.
fn violation(subject: &Subject<'_>) -> Option<Violation> {
    let violation = policy::violation(subject)?;
    match subject.outranked {
        Some(owner) if violation.reason != "IncorrectCertificate" => {
            let message = outranked(subject.certificate, owner);
            Some(Violation { reason: "IncorrectCertificate", message })
        }
        _ => Some(violation),
    }
}

/// Returns the message that another Certificate fills the Secret, and what to do.
pub(in crate::planner) fn outranked(certificate: &Certificate, owner: &Certificate) -> String {
    format!(
        "Secret {:?} is filled by Certificate {:?}, which is older or named in the Secret: choose another secretName",
        certificate.spec.secret_name, owner.metadata.name
    )
}

/// Condition: the renewal comes before the certificate's end.
const IN_TIME: &str = "RenewalInTime";
/// Reason of `Ready`: a window of the spec is broken.
const WINDOW_ERROR: &str = "WindowError";

/// Returns what a Certificate asks for in vain though it is issued: key stores, windows of renewals.
#[must_use]
pub fn incomplete(certificate: &Certificate) -> Option<&str> {
    let unmet = certificate.status.conditions.iter().filter(|condition| condition.status == ConditionStatus::False);
    let mut told = unmet.filter(|condition| match &*condition.kind {
        keystore::CONDITION | IN_TIME => true,
        "Ready" => condition.reason == WINDOW_ERROR,
        _ => false,
    });
    told.next().map(|condition| &*condition.message)
}

/// Reports a renewal that waits for a window until after the certificate's end.
fn note_late(changed: &mut Certificate, now: Timestamp) {
    let status = &changed.status;
    let late = status.renewal_time.zip(status.not_after).filter(|(renewal, end)| renewal >= end);
    let conditions = &mut changed.status.conditions;
    let Some((renewal, end)) = late else { return conditions.retain(|condition| condition.kind != IN_TIME) };
    let message = format!(
        "the certificate expires at {end}, before the next of spec.renewal.windows begins at {renewal}: let them come more \
         often, or renew earlier (renewBefore)"
    );
    let generation = Some(changed.metadata.generation);
    set_condition(conditions, IN_TIME, ConditionStatus::False, "WindowTooLate", message, generation, now);
}

/// Sets `Ready`. Returns the event for an issuer that does not exist, and for windows that are broken.
fn ready(
    context: &Context<'_>,
    subject: &Subject<'_>,
    leaf: Option<&Leaf>,
    violation: Option<&Violation>,
    broken: Option<Violation>,
    changed: &mut Certificate,
) -> Option<Event> {
    let certificate = subject.certificate;
    let (now, generation) = (context.now, Some(certificate.metadata.generation));
    let reference = &certificate.spec.issuer_ref;
    let missing = violation
        .and_then(|_| foreign::missing_issuer(context.view, reference, &certificate.metadata.namespace))
        .map(|missing| Violation { reason: "IssuerNotFound", message: missing.to_string() });
    let expired = leaf.filter(|leaf| leaf.not_after <= now).map(|leaf| {
        let at = leaf.not_after.strftime("%a, %d %b %Y %H:%M:%S UTC");
        Violation { reason: "Expired", message: format!("Certificate expired on {at}") }
    });
    let conditions = &mut changed.status.conditions;
    match missing.as_ref().or(violation).or(expired.as_ref()).or(broken.as_ref()) {
        None => {
            let message = "Certificate is up to date and has not expired";
            set_condition(conditions, "Ready", ConditionStatus::True, "Ready", message, generation, now);
        }
        Some(wrong) => {
            set_condition(conditions, "Ready", ConditionStatus::False, wrong.reason, &*wrong.message, generation, now);
        }
    }
    let reported = condition(&certificate.status.conditions, "Ready").map(|ready| &*ready.message);
    let news = missing.or(broken).filter(|missing| reported != Some(&*missing.message))?;
    Some(Event::warning(Kind::Certificate, &certificate.metadata, news.reason, news.message))
}

/// Begins an attempt if one is due and need not wait.
fn begin(
    subject: &Subject<'_>,
    due: Option<Violation>,
    brake: Option<Brake>,
    changed: &mut Certificate,
    now: Timestamp,
    plan: &mut Plan,
) -> Vec<Event> {
    let metadata = &subject.certificate.metadata;
    let Some(due) = due else {
        brake.into_iter().for_each(|brake| brake.note_idle(changed, now, plan));
        return Vec::new();
    };
    if let Some((brake, until)) = brake.and_then(|brake| Some((brake, brake.holds(now)?))) {
        plan.wake_at(until);
        return brake.hold(changed, &due).into_iter().collect();
    }
    brake.into_iter().for_each(|brake| brake.release(changed));
    let (generation, status) = (Some(metadata.generation), ConditionStatus::True);
    set_condition(&mut changed.status.conditions, "Issuing", status, due.reason, &*due.message, generation, now);
    brake::note_order(changed, now);
    changed.status.next_private_key_secret_name = Some(key::name(changed));
    let begun = Event::normal(Kind::Certificate, metadata, "Issuing", due.message);
    secret::not_made_here(subject).into_iter().chain([begun]).collect()
}

/// True if a new attempt may begin: not if another Certificate fills the Secret, and not too soon after a failure.
fn may_begin(subject: &Subject<'_>, now: Timestamp, plan: &mut Plan) -> bool {
    let certificate = subject.certificate;
    if let Some(owner) = subject.outranked {
        let message = outranked(certificate, owner);
        let event = Event::warning(Kind::Certificate, &certificate.metadata, "DuplicateSecretName", message);
        plan.steps.push(Step { writes: Vec::new(), events: vec![event] });
        return false;
    }
    let Some(failed) = certificate.status.last_failure_time else { return true };
    // After a correction of the spec the earlier failure does not count.
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
