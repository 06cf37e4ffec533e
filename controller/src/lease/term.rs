//! The rules of an election over one Lease, without I/O and without a clock of their own.
//!
//! As in client-go, another candidate's term is over when the Lease did not change for its duration *by our own clock*:
//! the times written in it are never compared with ours, so that differing clocks do no harm.

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use std::time::Duration;
use tokio::time::Instant;

/// The durations of an election.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timing {
    /// The duration of a term after its last renewal.
    pub duration: Duration,
    /// The time that a leader acts on its own term without having renewed it; shorter than `duration`, so that it stops
    /// before another starts.
    pub deadline: Duration,
    /// The interval at which a leader renews.
    pub renew: Duration,
    /// The pause before a failed attempt is repeated.
    pub retry: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            duration: Duration::from_secs(10),
            deadline: Duration::from_secs(7),
            renew: Duration::from_secs(2),
            retry: Duration::from_millis(500),
        }
    }
}

/// The next action of a candidate on the Lease it sees.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Step {
    /// No term runs, or it is ours: write our name (again).
    Write,
    /// Another candidate holds it, at most until then.
    Wait(Instant),
}

/// One candidate and its last observation.
#[derive(Debug)]
pub(super) struct Candidate {
    identity: String,
    timing: Timing,
    /// The Lease of another candidate: its version, and the end of its term if it does not change.
    seen: Option<(String, Instant)>,
}

impl Candidate {
    pub(super) fn new(identity: String, timing: Timing) -> Self {
        Self { identity, timing, seen: None }
    }

    /// Returns the allowed action on `lease` at `now`.
    pub(super) fn step(&mut self, lease: Option<&Lease>, now: Instant) -> Step {
        let Some(lease) = lease else { return Step::Write };
        let spec = lease.spec.as_ref();
        let holder = spec.and_then(|s| s.holder_identity.as_deref()).unwrap_or_default();
        if holder.is_empty() || holder == self.identity {
            self.seen = None;
            return Step::Write;
        }
        let version = lease.metadata.resource_version.as_deref().unwrap_or_default();
        let until = match &self.seen {
            Some((seen, until)) if seen == version => *until,
            _ => {
                let seconds = spec.and_then(|s| s.lease_duration_seconds).and_then(|s| u64::try_from(s).ok());
                let until = now + seconds.map_or(self.timing.duration, Duration::from_secs);
                self.seen = Some((version.to_owned(), until));
                until
            }
        };
        if now >= until { Step::Write } else { Step::Wait(until) }
    }

    /// Returns the Lease to write for a term of ours, made from the one last read.
    pub(super) fn claim(&self, name: &str, current: Option<&Lease>, now: Timestamp) -> Lease {
        let old = current.and_then(|lease| lease.spec.clone());
        let ours = old.as_ref().and_then(|s| s.holder_identity.as_deref()) == Some(&self.identity);
        let transitions = old.as_ref().and_then(|s| s.lease_transitions);
        Lease {
            metadata: current.map_or_else(
                || ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
                |lease| ObjectMeta { managed_fields: None, ..lease.metadata.clone() },
            ),
            spec: Some(LeaseSpec {
                holder_identity: Some(self.identity.clone()),
                lease_duration_seconds: Some(i32::try_from(self.timing.duration.as_secs()).unwrap_or(i32::MAX)),
                acquire_time: if ours { old.and_then(|s| s.acquire_time) } else { Some(MicroTime(now)) },
                renew_time: Some(MicroTime(now)),
                lease_transitions: match transitions {
                    _ if current.is_none() => Some(0),
                    Some(count) if ours => Some(count),
                    count => Some(count.unwrap_or_default().saturating_add(1)),
                },
                ..LeaseSpec::default()
            }),
        }
    }

    /// Returns the Lease to write on shutdown: without a holder, so that the next candidate takes over at once.
    pub(super) fn release(&self, current: &Lease, now: Timestamp) -> Lease {
        let mut lease = current.clone();
        lease.metadata.managed_fields = None;
        let spec = lease.spec.get_or_insert_default();
        spec.holder_identity = Some(String::new());
        spec.lease_duration_seconds = Some(1);
        spec.renew_time = Some(MicroTime(now));
        lease
    }

    /// Returns the end of our own term if it was written by a request sent at `sent`.
    pub(super) fn deadline(&self, sent: Instant) -> Instant {
        sent + self.timing.deadline
    }
}
