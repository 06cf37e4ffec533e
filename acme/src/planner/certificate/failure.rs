//! The end of an attempt that failed.

use crate::objects::{Certificate, ConditionStatus, set_condition};
use crate::planner::action::{Event, Kind, Step, Write};
use jiff::Timestamp;

/// Ends an attempt. The wait before the next one grows with each failure.
pub(super) fn failure(certificate: &Certificate, reason: &str, message: &str, now: Timestamp) -> Step {
    let mut changed = certificate.clone();
    let generation = Some(certificate.metadata.generation);
    let message = format!("The certificate request has failed to complete and will be retried: {message}");
    let status = &mut changed.status;
    status.last_failure_time = Some(now);
    status.failed_issuance_attempts = Some(status.failed_issuance_attempts.unwrap_or(0).saturating_add(1));
    let conditions = &mut status.conditions;
    set_condition(conditions, "Issuing", ConditionStatus::False, reason, &*message, generation, now);
    let event = Event::warning(Kind::Certificate, &certificate.metadata, "Failed", message);
    Step::write(Write::Status(changed.into())).with(event)
}
