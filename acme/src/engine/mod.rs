//! The loop that carries out the plans: writes, calls to the CA, and back-off.
//!
//! It keeps only the calls in progress and the back-off of failed ones. A leader that dies loses nothing else.

mod backoff;
mod barrier;
mod calls;
mod metrics;
mod outcome;
mod writer;

#[cfg(test)]
mod tests;

pub use metrics::Metrics;

use crate::ca::Ca;
use crate::http01::ChallengeTable;
use crate::objects::Key;
use crate::planner::{self, PlanCache};
use crate::planner::{Call, Kind, Plan};
use crate::store::{Store, StoreError};
use crate::view::{Settings, View};
use backoff::Backoff;
use calls::Outcome;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use writer::Writer;

/// Limits of calls in progress, in all and for one server, so that a slow server does not delay the others.
const MAX_CALLS: usize = 64;
const MAX_CALLS_PER_SERVER: usize = 24;
const MAX_COOLDOWN: Duration = Duration::from_secs(1);
/// Longest time without a new plan if nothing changes.
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

/// A finished call and its result.
struct CompletedCall {
    call: Call,
    uid: String,
    outcome: Option<Outcome>,
}

struct Work {
    tasks: JoinSet<CompletedCall>,
    /// Objects with a call in progress or with a result not yet written, and the server of that call.
    busy: HashMap<(Kind, Key), String>,
    unwritten: Vec<CompletedCall>,
    backoff: Backoff,
    cache: PlanCache,
    writer: Writer,
    observed: Option<Arc<View>>,
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

    /// Runs until `stop` is cancelled. Calls in progress are then dropped: the next leader repeats them.
    pub async fn run(self, stop: CancellationToken) {
        let mut changes = self.store.changes();
        // A task of its own: slow writes must not keep a replica from answering challenges.
        let publisher = tokio::spawn(publish(
            Arc::clone(&self.store),
            Arc::clone(&self.table),
            Arc::clone(&self.settings),
            self.clock,
            stop.clone(),
        ));
        let mut work = Work {
            tasks: JoinSet::new(),
            busy: HashMap::new(),
            unwritten: Vec::new(),
            backoff: Backoff::default(),
            cache: PlanCache::default(),
            writer: Writer::default(),
            observed: None,
        };
        while !stop.is_cancelled() {
            changes.mark_unchanged();
            let begun = Instant::now();
            let until = self.turn(&mut work).await;
            // In a large and busy cluster the loop must not spend all its time planning.
            let cooldown = (begun.elapsed() * 4).min(MAX_COOLDOWN);
            let idle = work.tasks.is_empty() && until > Instant::now();
            if idle && cooldown > Duration::from_millis(50) {
                tokio::time::sleep(cooldown).await;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                changed = changes.changed() => if changed.is_err() { break },
                Some(done) = work.tasks.join_next(), if !work.tasks.is_empty() => work.unwritten.extend(done.ok()),
                () = tokio::time::sleep_until(until) => {}
            }
            // Calls that finished at the same time are written together.
            while let Some(done) = work.tasks.try_join_next() {
                work.unwritten.extend(done.ok());
            }
        }
        work.tasks.shutdown().await;
        publisher.abort();
    }

    /// Plans once and carries out the plan. Returns the time until which there is nothing to do.
    async fn turn(&self, work: &mut Work) -> Instant {
        let view = self.store.view();
        let now = self.now();
        self.metrics.observe(work.observed.as_deref(), &view);
        work.observed = Some(Arc::clone(&view));
        if !self.store.is_leader() {
            work.tasks.abort_all();
            while work.tasks.join_next().await.is_some() {}
            work.busy.clear();
            work.unwritten.clear();
            work.backoff = Backoff::default();
            work.cache = PlanCache::default();
            return Instant::now() + MAX_SLEEP;
        }
        let mut wrote = self.write_outcomes(work, &view, now).await;
        if wrote {
            return Instant::now();
        }
        let plan = {
            let _span = tracing::debug_span!("plan", %now).entered();
            planner::plan_with_cache(&view, &self.settings, now, &mut work.cache)
        };
        tracing::debug!(steps = plan.steps.len(), calls = plan.calls.len(), wake = ?plan.wake, "planned");
        wrote |= self.write_steps(work, &plan, &view).await;
        self.begin(work, &plan, &view);
        if wrote { Instant::now() } else { self.next_wakeup(work, &plan, now) }
    }

    async fn write_outcomes(&self, work: &mut Work, view: &Arc<View>, now: Timestamp) -> bool {
        let mut steps = Vec::new();
        let mut origin = Vec::new();
        for completed in std::mem::take(&mut work.unwritten) {
            let target = completed.call.target();
            let target = (target.0, target.1.clone());
            let Some(outcome) = &completed.outcome else {
                work.busy.remove(&target);
                continue;
            };
            if calls::uid(view, &completed.call).as_deref() != Some(&*completed.uid) {
                work.busy.remove(&target);
                continue;
            }
            self.metrics.count(&completed.call, outcome);
            let recorded = outcome::record(&completed.call, outcome, view, &self.settings, now);
            work.backoff.note(&completed.call, &recorded.wait);
            match recorded.step {
                Some(step) => {
                    steps.push(step);
                    origin.push((target, completed));
                }
                None => {
                    work.busy.remove(&target);
                }
            }
        }
        if steps.is_empty() {
            return false;
        }
        let results = work.writer.write(&*self.store, view, &steps).await;
        for ((target, completed), result) in origin.into_iter().zip(results) {
            match result {
                // The object was changed by another client. The result still holds and is written again on top of that.
                Err(StoreError::Conflict | StoreError::Unavailable(_)) => work.unwritten.push(completed),
                Ok(()) | Err(StoreError::Refused(_)) => {
                    work.busy.remove(&target);
                }
            }
        }
        true
    }

    async fn write_steps(&self, work: &mut Work, plan: &Plan, view: &Arc<View>) -> bool {
        // Objects with a finished call whose result is not yet written are not planned for.
        let free = plan.steps.iter().filter(|step| {
            step.writes.first().is_none_or(|write| {
                let target = write.target();
                !work.busy.contains_key(&target) && !work.writer.is_held(&target)
            })
        });
        let steps: Vec<_> = free.cloned().collect();
        if steps.is_empty() {
            return false;
        }
        let writes = steps.iter().any(|step| !step.writes.is_empty());
        let _ = work.writer.write(&*self.store, view, &steps).await;
        writes
    }

    fn begin(&self, work: &mut Work, plan: &Plan, view: &Arc<View>) {
        work.backoff.keep_only(&plan.calls);
        for call in &plan.calls {
            let (kind, key) = call.target();
            let target = (kind, key.clone());
            let stepped = plan.steps.iter().any(|step| step.writes.iter().any(|write| write.target() == target));
            if work.tasks.len() >= MAX_CALLS
                || stepped
                || work.busy.contains_key(&target)
                || work.writer.is_held(&target)
                || !work.backoff.may_begin(call, view, &self.settings)
            {
                continue;
            }
            let Some(uid) = calls::uid(view, call) else { continue };
            let server = calls::server(view, call).unwrap_or_default();
            if work.busy.values().filter(|other| **other == server).count() >= MAX_CALLS_PER_SERVER {
                continue;
            }
            work.busy.insert(target, server);
            let (call, view, settings) = (call.clone(), Arc::clone(view), Arc::clone(&self.settings));
            let (store, ca, now) = (Arc::clone(&self.store), Arc::clone(&self.ca), self.now());
            work.tasks.spawn(async move {
                let outcome = calls::perform(&call, &view, &settings, &*store, &*ca, now).await;
                CompletedCall { call, uid, outcome }
            });
        }
    }

    fn next_wakeup(&self, work: &Work, plan: &Plan, now: Timestamp) -> Instant {
        let longest = Instant::now() + MAX_SLEEP;
        let wake = plan.wake.map_or(longest, |at| {
            let wait = u64::try_from(at.duration_since(now).as_secs()).unwrap_or(0);
            Instant::now() + Duration::from_secs(wait.clamp(1, MAX_SLEEP.as_secs()))
        });
        let writer = work.writer.next();
        let unwritten = (!work.unwritten.is_empty()).then(|| Instant::now() + Duration::from_millis(200));
        [Some(longest), Some(wake), work.backoff.next(), writer, unwritten]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(longest)
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
