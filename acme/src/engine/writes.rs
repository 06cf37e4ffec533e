use crate::planner::{Event, EventType, Target};
use crate::store::{Store, StoreError};
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

const WINDOW: Duration = Duration::from_secs(60);
/// Limit of writes to one object within [`WINDOW`]. Issuing a certificate writes its Certificate a few times.
const MAX_WRITES_IN_WINDOW: u32 = 40;
const REPEAT_EVENT_AFTER: Duration = Duration::from_secs(3600);

/// The memory of writes: delays those that failed, notices those that somebody undoes, and reports each event once.
#[derive(Debug)]
pub(super) struct Writes {
    held: HashMap<Target, (Instant, u32)>,
    /// Start of the current window and number of writes in it, for each object: another client may keep undoing them.
    done: HashMap<Target, (Instant, u32)>,
    /// The warnings that were reported: uid, reason and message.
    reported: HashMap<(String, &'static str, String), Instant>,
    /// Time of the last pruning.
    pruned: Instant,
}

impl Default for Writes {
    fn default() -> Self {
        Self { held: HashMap::new(), done: HashMap::new(), reported: HashMap::new(), pruned: Instant::now() }
    }
}

impl Writes {
    /// Returns the time until which an object is not to be written.
    pub(super) fn holds(&self, target: &Target) -> Option<Instant> {
        self.held.get(target).map(|(until, _)| *until).filter(|until| *until > Instant::now())
    }

    /// Forgets what is over, once in a while.
    pub(super) fn prune(&mut self) {
        let now = Instant::now();
        if now.duration_since(self.pruned) < WINDOW {
            return;
        }
        self.pruned = now;
        self.held.retain(|_, (until, _)| *until + WINDOW > now);
        self.done.retain(|_, (since, _)| now.duration_since(*since) < WINDOW);
        self.reported.retain(|_, at| now.duration_since(*at) < REPEAT_EVENT_AFTER);
    }

    /// Counts a write to an object that was done.
    pub(super) fn count(&mut self, target: Target) {
        let now = Instant::now();
        self.held.remove(&target);
        let (since, times) = self.done.entry(target.clone()).or_insert((now, 0));
        if now.duration_since(*since) >= WINDOW {
            (*since, *times) = (now, 0);
        }
        *times += 1;
        if *times > MAX_WRITES_IN_WINDOW {
            tracing::warn!(object = %target.1, kind = ?target.0, "written again and again: somebody undoes it");
            self.held.insert(target, (*since + WINDOW, 0));
        }
    }

    /// Records that a write to an object failed. Returns the time at which it may be tried again.
    pub(super) fn hold(&mut self, target: Target, error: &StoreError) -> Instant {
        let times = self.held.get(&target).map_or(0, |(_, times)| *times);
        let wait = match error {
            StoreError::Conflict => Duration::from_millis(50 << times.min(6)),
            StoreError::Unavailable(_) => Duration::from_millis(500 << times.min(6)),
            StoreError::Refused(_) => Duration::from_secs((30 << times.min(7)).min(3600)),
        };
        if !matches!(error, StoreError::Conflict) {
            tracing::warn!(object = %target.1, kind = ?target.0, %error, "a write was not done");
        }
        let until = Instant::now() + wait;
        self.held.insert(target, (until, times + 1));
        until
    }

    /// Reports an event, a warning once an hour.
    pub(super) async fn report(&mut self, store: &impl Store, event: &Event) {
        let now = Instant::now();
        if event.event_type == EventType::Warning {
            let about = (event.uid.clone(), event.reason, event.message.clone());
            let last = self.reported.get(&about);
            if last.is_some_and(|at| now.duration_since(*at) < REPEAT_EVENT_AFTER) {
                return;
            }
            self.reported.insert(about, now);
        }
        tracing::info!(object = %event.key, kind = ?event.kind, reason = event.reason, "{}", event.message);
        store.report(event).await;
    }
}
