//! The time of a certificate's renewal.

use super::brake;
use super::policy::Violation;
use super::window::{self, WindowError};
use crate::ca::{CaError, Directory, RenewalInfo};
use crate::names::{ISSUER_NAME, spread};
use crate::objects::{AriStatus, Certificate, Key};
use crate::planner::action::{Event, Kind, Plan, Step, Write};
use crate::planner::context::Context;
use crate::planner::issuer;
use crate::view::{Settings, View};
use crate::x509::Leaf;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

const ASK_MIN: u64 = 3600;
const ASK_DEFAULT: u64 = 6 * 3600;
const ASK_MAX: u64 = 7 * 24 * 3600;

/// Returns the time of the renewal: within the CA's window, else as the spec says, else when a third of the lifetime is
/// left; the two latter in a window of the spec. `None` if the certificate is never renewed.
///
/// # Errors
/// [`WindowError`] if the spec's windows are broken, or leave no time.
pub(super) fn time(certificate: &Certificate, leaf: &Leaf) -> Result<Option<Timestamp>, WindowError> {
    let spec = &certificate.spec;
    if spec.renewal.as_ref().is_some_and(|renewal| renewal.policy == "Disabled") {
        return Ok(None);
    }
    let ari = certificate.status.acme.as_ref().and_then(|acme| acme.ari.as_ref());
    let Some(window) = ari.and_then(|ari| ari.suggested_window).filter(|window| window.start > leaf.not_before) else {
        let windows = spec.renewal.as_ref().map_or(&[][..], |renewal| &renewal.windows);
        return window::within(windows, planned(certificate, leaf), leaf).map(Some);
    };
    // The same moment on every replica, until the window changes.
    let length = u64::try_from(window.end.duration_since(window.start).as_secs()).unwrap_or(0);
    let words = [certificate.metadata.uid.as_str(), &window.start.to_string(), &window.end.to_string()];
    let moment = later(window.start, spread(&words, length));
    Ok(Some(truncate(moment.min(leaf.not_after))))
}

fn planned(certificate: &Certificate, leaf: &Leaf) -> Timestamp {
    let spec = &certificate.spec;
    let lifetime = leaf.lifetime();
    let before = match (spec.renew_before, spec.renew_before_percentage) {
        (Some(before), _) if !before.0.is_zero() && before.0 < lifetime => before.0,
        (_, Some(percent)) if (1..100).contains(&percent) => lifetime * percent.unsigned_abs() / 100,
        _ => lifetime / 3,
    };
    let before = SignedDuration::try_from(before).unwrap_or_default();
    truncate(leaf.not_after.checked_sub(before).unwrap_or(leaf.not_before))
}

fn truncate(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

fn later(at: Timestamp, seconds: u64) -> Timestamp {
    at.checked_add(SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX))).unwrap_or(Timestamp::MAX)
}

/// Returns the reason to renew if the renewal is due. Each certificate waits up to a thousandth of its lifetime longer,
/// so that those issued together are not renewed in the same second; not out of a window.
pub(super) fn due(
    certificate: &Certificate,
    renewal: Option<Timestamp>,
    now: Timestamp,
    plan: &mut Plan,
) -> Option<Violation> {
    let renewal = renewal?;
    let suggested = certificate.status.acme.as_ref().and_then(|acme| acme.ari.as_ref()?.suggested_window).is_some();
    let status = &certificate.status;
    let lifetime = status.not_after.zip(status.not_before).map_or(0, |(end, start)| (end - start).get_seconds());
    let windows = certificate.spec.renewal.as_ref().is_some_and(|renewal| !renewal.windows.is_empty());
    let within = if suggested || windows { 0 } else { u64::try_from(lifetime / 1000).unwrap_or(0) };
    let at = later(renewal, spread(&[&certificate.metadata.uid, "renewal"], within));
    if at > now {
        plan.wake_at(at);
        return None;
    }
    let message = format!("Renewing certificate as renewal was scheduled at {renewal}");
    Some(Violation { reason: "Renewing", message })
}

/// True if the CA is to be asked now.
pub(super) fn must_ask(context: &Context<'_>, certificate: &Certificate, plan: &mut Plan) -> bool {
    if ari_target(context.view, context.settings, certificate).is_none() {
        return false;
    }
    let ari = certificate.status.acme.as_ref().and_then(|acme| acme.ari.as_ref());
    let next = ari.and_then(|ari| ari.next_check).or_else(|| first_question(certificate));
    match next {
        Some(next) if next > context.now => {
            plan.wake_at(next);
            false
        }
        _ => true,
    }
}

/// Returns the time of the first question about a certificate that was ordered here: up to an hour later, since a new
/// certificate is not due, and less for short lives.
fn first_question(certificate: &Certificate) -> Option<Timestamp> {
    let status = &certificate.status;
    let lifetime = u64::try_from(status.not_after?.duration_since(status.not_before?).as_secs()).unwrap_or(0);
    let latest = (lifetime / 1000).min(ASK_MIN);
    let wait = latest / 2 + spread(&[&certificate.metadata.uid, "question"], latest / 2);
    Some(later(brake::ordered(certificate)?, wait))
}

/// Returns the server and the certificate's id there; `None` if the certificate does not come from its issuer.
#[must_use]
pub fn ari_target(view: &View, settings: &Settings, certificate: &Certificate) -> Option<(Directory, String)> {
    let namespace = &certificate.metadata.namespace;
    let issuer = view.issuers.get(&certificate.spec.issuer_ref.key(namespace))?;
    let secret = view.secrets.get(&Key::new(namespace.clone(), certificate.spec.secret_name.clone()))?;
    if secret.metadata.annotation(ISSUER_NAME) != Some(&*certificate.spec.issuer_ref.name) {
        return None;
    }
    let account = issuer::account(view, settings, issuer)?;
    Some((Directory::clone(&account.directory), secret.leaf().ok()?.ari_id.clone()?))
}

/// Returns what follows from the CA's response; `None` in it means that the CA has no renewal information.
#[must_use]
pub fn received(
    certificate: &Certificate,
    result: Result<Option<RenewalInfo>, CaError>,
    now: Timestamp,
) -> Option<Step> {
    let mut changed = certificate.clone();
    let acme = changed.status.acme.get_or_insert_default();
    let old = acme.ari.take().unwrap_or_default();
    let mut event = None;
    let (mut ari, wait) = match result {
        Ok(Some(info)) => {
            let wait = info.retry_after.unwrap_or(Duration::from_secs(ASK_DEFAULT));
            let window = Some(info.window);
            (AriStatus { suggested_window: window, explanation_url: info.explanation, ..AriStatus::default() }, wait)
        }
        Ok(None) => (AriStatus::default(), Duration::from_secs(ASK_MAX)),
        Err(error) => {
            let wait = error.retry_after().unwrap_or(Duration::from_secs(ASK_DEFAULT));
            let message = format!("Failed to fetch renewal information: {error}");
            event = Some(Event::warning(Kind::Certificate, &certificate.metadata, "ARIError", message));
            (AriStatus { last_error: error.to_string(), ..old }, wait)
        }
    };
    let wait = wait.as_secs().clamp(ASK_MIN, ASK_MAX);
    let tenth = wait / 10;
    let jitter = spread(&[&certificate.metadata.uid, &now.to_string()], 2 * tenth);
    ari.last_checked = Some(now);
    ari.next_check = Some(later(now, (wait - tenth + jitter).clamp(ASK_MIN, ASK_MAX)));
    acme.ari = Some(ari);
    let mut step = Step::write(Write::Status(changed.into()));
    step.events.extend(event);
    Some(step)
}
