//! The loop that carries out the plans: writes, calls to the CA, and back-off.
//!
//! It keeps only the calls in progress and the back-off of failed ones. A leader that dies loses nothing else.

mod backoff;
mod calls;
mod expectation;
mod jobs;
mod metrics;
mod outcome;
mod propagation;
mod schedule;
mod work;
mod writes;

#[cfg(test)]
mod tests;

pub use metrics::Metrics;

use crate::ca::Ca;
use crate::http01::ChallengeTable;
use crate::store::Store;
use crate::view::Settings;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use work::Work;

/// Longest time without a look if nothing changes.
const MAX_SLEEP: Duration = Duration::from_secs(60);

/// The loop that issues and renews certificates.
pub struct Engine<S, C> {
    store: Arc<S>,
    ca: Arc<C>,
    table: Arc<ChallengeTable>,
    settings: Arc<Settings>,
    metrics: Metrics,
    clock: fn() -> Timestamp,
}

impl<S: Store, C: Ca> Engine<S, C> {
    /// Returns an engine. Every replica runs one; those that do not lead only answer challenges.
    pub fn new(store: Arc<S>, ca: Arc<C>, table: Arc<ChallengeTable>, settings: Settings, metrics: Metrics) -> Self {
        Self { store, ca, table, settings: Arc::new(settings), metrics, clock: Timestamp::now }
    }

    /// The same engine with another clock.
    #[must_use]
    pub fn with_clock(self, clock: fn() -> Timestamp) -> Self {
        Self { clock, ..self }
    }

    fn now(&self) -> Timestamp {
        let now = (self.clock)();
        Timestamp::from_second(now.as_second()).unwrap_or(now)
    }

    /// Runs until `stop` is cancelled. Tasks in progress are then dropped: the next leader repeats them.
    pub async fn run(self, stop: CancellationToken) {
        let mut changes = self.store.changes();
        // A task of its own: slow plans must not keep a replica from answering challenges.
        let publisher = tokio::spawn(publish(
            Arc::clone(&self.store),
            Arc::clone(&self.table),
            Arc::clone(&self.settings),
            self.clock,
            stop.clone(),
        ));
        let mut work = Work::new(&self);
        while !stop.is_cancelled() {
            changes.mark_unchanged();
            let view = self.store.view();
            self.metrics.observe(&view);
            let until = if self.store.is_leader() {
                work.turn(&self, &view).await
            } else {
                if work.has_begun() {
                    work.abort().await;
                    work = Work::new(&self);
                }
                Instant::now() + MAX_SLEEP
            };
            tokio::select! {
                () = stop.cancelled() => {}
                changed = changes.changed() => if changed.is_err() { break },
                () = work.ended() => {}
                () = tokio::time::sleep_until(until) => {}
            }
        }
        work.abort().await;
        publisher.abort();
    }
}

/// Keeps the table of challenges in line with the view, on every replica.
async fn publish<S: Store>(
    store: Arc<S>,
    table: Arc<ChallengeTable>,
    settings: Arc<Settings>,
    clock: fn() -> Timestamp,
    stop: CancellationToken,
) {
    let mut changes = store.changes();
    while !stop.is_cancelled() {
        changes.mark_unchanged();
        table.publish(&store.view(), &settings, clock());
        tokio::select! {
            () = stop.cancelled() => {}
            changed = changes.changed() => if changed.is_err() { return },
        }
    }
}

impl<S, C> std::fmt::Debug for Engine<S, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("settings", &self.settings).finish_non_exhaustive()
    }
}
