//! The brake: at most one order an hour for a Certificate, or one in ten seconds where the cluster itself signs, whatever the clocks, Secrets, CAs and the spec's times say.
//!
//! Requests by people (`Issuing` set by hand, a changed spec, a new Certificate) do not wait. The state is in two
//! conditions, so that restarts and new leaders change nothing. [`ORDERED`] has the time of the last order, by our
//! clock, and its generation. [`HELD`] has stood since the first order after which another one was wanted too soon. The
//! pause is the time between both, from 1 to 32 hours: it grows as 1, 1, 2, 4 … hours (from
//! 10 seconds to an hour).

use super::Subject;
use super::policy::{self, Violation};
use crate::objects::{Certificate, Condition, ConditionStatus, condition, put_condition};
use crate::planner::action::{Event, Kind, Plan};
use crate::planner::local::Local;
use crate::x509::Leaf;
use jiff::{SignedDuration, Timestamp};

/// Condition: the time of the last order.
const ORDERED: &str = "Ordered";
/// Condition: orders are wanted sooner than they are placed.
const HELD: &str = "OrderHeld";
/// Reason of [`HELD`]: an order is waiting.
const TOO_SOON: &str = "TooSoon";
/// Reason of [`HELD`]: no order is waiting at present.
const NOTHING_DUE: &str = "NothingDue";

/// The shortest and the longest pause between two orders.
#[derive(Clone, Copy, Debug)]
struct Pauses {
    min: SignedDuration,
    max: SignedDuration,
}

/// Those of a CA with limits.
const OF_ACME: Pauses = Pauses { min: SignedDuration::from_hours(1), max: SignedDuration::from_hours(32) };
/// Those of an issuer in the cluster, whose signatures cost nothing but work.
const OF_LOCAL: Pauses = Pauses { min: SignedDuration::from_secs(10), max: SignedDuration::from_hours(1) };

/// The last order of a Certificate, and the time until which the next one must wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Brake {
    /// Time of the last order.
    last: Timestamp,
    /// Time of the first order in the current series of orders that followed each other too soon.
    since: Timestamp,
    /// End of the next order's wait.
    until: Timestamp,
    /// True if the spec has changed since the last order.
    changed: bool,
    pauses: Pauses,
}

impl Brake {
    /// Reads the state; `None` if nothing was ordered yet. `leaf` is the present certificate.
    pub(super) fn of(subject: &Subject<'_>, leaf: Option<&Leaf>, now: Timestamp) -> Option<Self> {
        let certificate = subject.certificate;
        let conditions = &certificate.status.conditions;
        let (last, changed) = match condition(conditions, ORDERED) {
            Some(ordered) => {
                (ordered.last_transition_time?, ordered.observed_generation != Some(certificate.metadata.generation))
            }
            // Ordered by an old version without the brake, or by another controller.
            None => {
                let request = subject.current.or(subject.next)?;
                let changed = !policy::request_violations(&certificate.spec, request).is_empty();
                (request.metadata.creation_timestamp?, changed)
            }
        };
        // A time in the future, from a wrong clock, must not hold the next order for long.
        let last = Timestamp::from_second(last.as_second()).unwrap_or(last).min(now);
        let held = condition(conditions, HELD).filter(|c| c.status == ConditionStatus::True);
        let since = held.and_then(|held| held.last_transition_time).map_or(last, |since| since.min(last));
        let pauses = if subject.issuer.and_then(|issuer| Local::of(issuer)).is_some() { OF_LOCAL } else { OF_ACME };
        let until = later(last, pauses.between(last, since, leaf));
        Some(Self { last, since, until, changed, pauses })
    }

    /// Returns the end of the wait, if a new order must wait.
    pub(super) fn holds(self, now: Timestamp) -> Option<Timestamp> {
        (now < self.until && !self.changed).then_some(self.until)
    }

    /// Records that an order is wanted and must wait. Returns an event if that is new.
    pub(super) fn hold(self, changed: &mut Certificate, wanted: &Violation) -> Option<Event> {
        let message = format!(
            "the last order was placed at {}, and the next one waits until {}: there is at most one in {:#}, and the pause \
             grows, unless somebody asks for one (flow-proxy cert renew {} -n {}) or changes the spec. It is wanted because: \
             {}",
            self.last, self.until, self.pauses.min, changed.metadata.name, changed.metadata.namespace, wanted.message
        );
        self.note_last(changed);
        let told = self.note(changed, TOO_SOON, message);
        told.map(|message| Event::warning(Kind::Certificate, &changed.metadata, HELD, message))
    }

    /// Records that an order is placed now. After a change of the spec the pause starts again at its minimum.
    pub(super) fn release(self, changed: &mut Certificate) {
        let conditions = &mut changed.status.conditions;
        if self.changed {
            conditions.retain(|condition| condition.kind != HELD);
        } else if condition(conditions, HELD).is_some() {
            self.note(changed, NOTHING_DUE, "the order that waited is placed".to_owned());
        }
    }

    /// Records that no order is wanted.
    pub(super) fn note_idle(self, changed: &mut Certificate, now: Timestamp, plan: &mut Plan) {
        if condition(&changed.status.conditions, HELD).is_none() {
            return;
        }
        if now >= self.until {
            return changed.status.conditions.retain(|condition| condition.kind != HELD);
        }
        let message = format!("no order waits; one that is wanted before {} will", self.until);
        self.note(changed, NOTHING_DUE, message);
        plan.wake_at(self.until);
    }

    fn note(self, changed: &mut Certificate, reason: &str, message: String) -> Option<String> {
        let wanted = Condition {
            kind: HELD.to_owned(),
            status: ConditionStatus::True,
            last_transition_time: Some(self.since),
            reason: reason.to_owned(),
            message,
            observed_generation: Some(changed.metadata.generation),
        };
        let news = condition(&changed.status.conditions, HELD).is_none_or(|present| present.message != wanted.message);
        let message = wanted.message.clone();
        put_condition(&mut changed.status.conditions, wanted);
        news.then_some(message)
    }

    /// Records the time of the last order if it was found elsewhere or was in the future.
    fn note_last(self, changed: &mut Certificate) {
        let ordered = condition(&changed.status.conditions, ORDERED);
        if ordered.is_none_or(|ordered| ordered.last_transition_time != Some(self.last)) {
            note_order(changed, self.last);
        }
    }
}

/// Returns the message that says why and until when an order waits; `None` if none waits.
#[must_use]
pub fn held(certificate: &Certificate) -> Option<&str> {
    let held = condition(&certificate.status.conditions, HELD)?;
    (held.status == ConditionStatus::True && held.reason == TOO_SOON).then_some(&*held.message)
}

/// Returns the time of the last order.
pub(super) fn ordered(certificate: &Certificate) -> Option<Timestamp> {
    condition(&certificate.status.conditions, ORDERED)?.last_transition_time
}

/// Records the time of an order.
pub(super) fn note_order(changed: &mut Certificate, now: Timestamp) {
    let wanted = Condition {
        kind: ORDERED.to_owned(),
        status: ConditionStatus::True,
        last_transition_time: Some(now),
        reason: "Ordered".to_owned(),
        message: format!("the last order was placed at {now}"),
        observed_generation: Some(changed.metadata.generation),
    };
    put_condition(&mut changed.status.conditions, wanted);
}

impl Pauses {
    /// The pause between the last order and the next one. For certificates that live less than twice the minimum it is at
    /// least half of that life; a longer pause ends when a third of the life is left.
    fn between(self, last: Timestamp, since: Timestamp, leaf: Option<&Leaf>) -> SignedDuration {
        let grown = last.duration_since(since).clamp(self.min, self.max);
        let Some(leaf) = leaf else { return grown };
        let lifetime = SignedDuration::try_from(leaf.lifetime()).unwrap_or(SignedDuration::MAX);
        let shortest = self.min.min(lifetime / 2);
        let latest = leaf.not_after.checked_sub(lifetime / 3).unwrap_or(leaf.not_before).duration_since(last);
        grown.min(latest).max(shortest)
    }
}

fn later(at: Timestamp, pause: SignedDuration) -> Timestamp {
    at.checked_add(pause).unwrap_or(Timestamp::MAX)
}
