//! The wait before calls that failed or have to be repeated.

use crate::names::spread;
use crate::objects::Key;
use crate::planner::{Call, Target};
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
        /// Who else must wait as long.
        scope: Scope,
    },
    /// A failure that stays until its cause is corrected: again after ten minutes, doubled each time up to six hours.
    Terminal,
}

/// The calls that a failure concerns.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scope {
    /// The call itself.
    Call,
    /// All calls to a server.
    Server(String),
}

#[derive(Debug)]
struct Pause {
    call: Call,
    until: Instant,
    times: u32,
    /// The inputs of the call ([`super::calls::basis`]): when they change, the wait ends.
    basis: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Backoff {
    pauses: HashMap<Target, Pause>,
    servers: HashMap<String, Instant>,
}

impl Backoff {
    /// Records the result of a call. Returns the time at which it may be repeated.
    pub(super) fn note(&mut self, call: &Call, wait: &Wait) -> Option<Instant> {
        let (kind, key) = call.target();
        let target = (kind, key.clone());
        let times = self.pauses.get(&target).filter(|pause| pause.call == *call).map_or(0, |pause| pause.times);
        let pause = match wait {
            Wait::Done => {
                self.pauses.remove(&target);
                return None;
            }
            Wait::Poll(after) => {
                let own = doubled(250, times, 5_000);
                after.map_or(own, |after| after.clamp(own, Duration::from_secs(300)))
            }
            Wait::Failed { after, scope } => {
                let own = jittered(call, times, doubled(1_000, times, 600_000));
                let until = Instant::now() + after.unwrap_or(own);
                match scope {
                    Scope::Call => {}
                    Scope::Server(server) => drop(self.servers.insert(server.clone(), until)),
                }
                after.map_or(own, |after| after.max(own))
            }
            Wait::Terminal => jittered(call, times, doubled(600_000, times, 6 * 3_600_000)),
        };
        let until = Instant::now() + pause;
        self.pauses.insert(target, Pause { call: call.clone(), until, times: times + 1, basis: None });
        Some(until)
    }

    /// Returns the time until which a call must wait; `None` if it may begin now.
    pub(super) fn holds(&mut self, call: &Call, view: &View, settings: &Settings) -> Option<Instant> {
        let now = Instant::now();
        let issuer = super::calls::issuer(view, call);
        if !matches!(call, Call::AccountKey { .. } | Call::NextKey { .. })
            && let Some(until) = issuer.and_then(|issuer| self.server_closed(view, &issuer, now))
        {
            return Some(until);
        }
        let (kind, key) = call.target();
        let target = (kind, key.clone());
        let pause = self.pauses.get_mut(&target)?;
        if pause.call != *call {
            self.pauses.remove(&target);
            return None;
        }
        if pause.until <= now {
            return None;
        }
        let basis = super::calls::basis(view, settings, call);
        if *pause.basis.get_or_insert_with(|| basis.clone()) != basis {
            self.pauses.remove(&target);
            return None;
        }
        Some(pause.until)
    }

    /// Returns the time until which an issuer's server is not asked.
    pub(super) fn server_closed(&self, view: &View, issuer: &Key, now: Instant) -> Option<Instant> {
        if self.servers.is_empty() {
            return None;
        }
        let server = super::calls::server_of(view, issuer)?;
        self.servers.get(&server).copied().filter(|until| *until > now)
    }

    /// Forgets an object for which nothing is to be called any more.
    pub(super) fn forget(&mut self, target: &Target) {
        self.pauses.remove(target);
    }

    /// Forgets what is over. Returns the time at which the next server may be asked again.
    pub(super) fn next(&mut self) -> Option<Instant> {
        let now = Instant::now();
        self.servers.retain(|_, until| *until > now);
        self.servers.values().copied().min()
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
