//! The wait before calls that failed or have to be repeated.

use crate::names::spread;
use crate::planner::Call;
use crate::view::{Settings, View};
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// The wait that the result of a call asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Wait {
    /// None: the call is done.
    #[default]
    Done,
    /// Polling: again after a short wait that doubles each time, or when the CA says.
    Poll(Option<Duration>),
    /// A failure that may pass: again after a wait that doubles each time, and not before the CA says.
    Failed {
        /// `Retry-After`.
        after: Option<Duration>,
        /// The server, if every request to it must wait as long.
        server: Option<String>,
    },
    /// A failure that stays until its cause is corrected: again after ten minutes, doubled each time up to six hours.
    Terminal,
}

#[derive(Debug)]
struct Pause {
    until: Instant,
    times: u32,
    /// The inputs of the call ([`super::calls::basis`]): when they change, the wait ends.
    basis: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Backoff {
    pauses: HashMap<Call, Pause>,
    servers: HashMap<String, Instant>,
}

impl Backoff {
    pub(super) fn note(&mut self, call: &Call, wait: &Wait) {
        let times = self.pauses.get(call).map_or(0, |pause| pause.times);
        let pause = match wait {
            Wait::Done => {
                self.pauses.remove(call);
                return;
            }
            Wait::Poll(after) => {
                let own = doubled(if matches!(call, Call::Probe { .. }) { 250 } else { 400 }, times, 5_000);
                after.map_or(own, |after| after.clamp(own, Duration::from_secs(300)))
            }
            Wait::Failed { after, server } => {
                let own = jittered(call, times, doubled(1_000, times, 600_000));
                let pause = after.map_or(own, |after| after.max(own));
                if let Some(server) = server {
                    self.servers.insert(server.clone(), Instant::now() + after.unwrap_or(own));
                }
                pause
            }
            Wait::Terminal => jittered(call, times, doubled(600_000, times, 6 * 3_600_000)),
        };
        let until = Instant::now() + pause;
        self.pauses.insert(call.clone(), Pause { until, times: times + 1, basis: None });
    }

    /// True if a call may begin now.
    pub(super) fn may_begin(&mut self, call: &Call, view: &View, settings: &Settings) -> bool {
        let now = Instant::now();
        let server = if self.servers.is_empty() { None } else { super::calls::server(view, call) };
        if server.and_then(|server| self.servers.get(&server)).is_some_and(|until| *until > now) {
            return false;
        }
        let Some(pause) = self.pauses.get_mut(call) else { return true };
        if pause.until <= now {
            return true;
        }
        let basis = super::calls::basis(view, settings, call);
        if *pause.basis.get_or_insert_with(|| basis.clone()) != basis {
            self.pauses.remove(call);
            return true;
        }
        false
    }

    /// Forgets calls that are no longer planned.
    pub(super) fn keep_only(&mut self, planned: &[Call]) {
        if !self.pauses.is_empty() {
            let planned: std::collections::HashSet<&Call> = planned.iter().collect();
            self.pauses.retain(|call, _| planned.contains(call));
        }
        let now = Instant::now();
        self.servers.retain(|_, until| *until > now);
    }

    /// The time at which the next waiting call may begin.
    pub(super) fn next(&self) -> Option<Instant> {
        let now = Instant::now();
        let until = self.pauses.values().map(|pause| pause.until).chain(self.servers.values().copied());
        until.filter(|until| *until > now).min()
    }
}

fn doubled(start: u64, times: u32, most: u64) -> Duration {
    Duration::from_millis(start.saturating_mul(1 << times.min(20)).min(most))
}

/// Adds up to a fifth, so that calls which failed together are not repeated together.
fn jittered(call: &Call, times: u32, pause: Duration) -> Duration {
    let fifth = u64::try_from(pause.as_millis() / 5).unwrap_or(0);
    pause + Duration::from_millis(spread(&[&call.to_string(), &times.to_string()], fifth))
}
