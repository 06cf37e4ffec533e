use super::barrier::{self, Expectation};
use crate::objects::Key;
use crate::planner::{Event, EventType, Kind, Step};
use crate::store::{Store, StoreError};
use crate::view::View;
use futures_util::{FutureExt as _, StreamExt as _};
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

const MAX_CONCURRENT_WRITES: usize = 16;
const WINDOW: Duration = Duration::from_secs(60);
/// Limit of writes to one object within [`WINDOW`]. Issuing a certificate writes its Certificate about ten times.
const MAX_WRITES_IN_WINDOW: u32 = 40;
const REPEAT_EVENT_AFTER: Duration = Duration::from_secs(3600);

/// Writes steps, delays those that failed, and reports each event once.
#[derive(Debug, Default)]
pub(super) struct Writer {
    held: HashMap<(Kind, Key), (Instant, u32)>,
    /// Start of the current window and number of writes in it, for each object: another client may keep undoing them.
    done: HashMap<(Kind, Key), (Instant, u32)>,
    reported: HashMap<(String, &'static str, String), Instant>,
}

impl Writer {
    pub(super) fn is_held(&self, target: &(Kind, Key)) -> bool {
        self.held.get(target).is_some_and(|(until, _)| *until > Instant::now())
    }

    /// The time at which the next delayed object may be written again.
    pub(super) fn next(&self) -> Option<Instant> {
        let now = Instant::now();
        self.held.values().map(|(until, _)| *until).filter(|until| *until > now).min()
    }

    /// Writes steps in parallel, and waits until the view shows them.
    pub(super) async fn write(
        &mut self,
        store: &impl Store,
        before: &View,
        steps: &[Step],
    ) -> Vec<Result<(), StoreError>> {
        let writes: Vec<_> = steps.iter().map(|step| one(store, before, step).boxed()).collect();
        let results: Vec<_> = futures_util::stream::iter(writes).buffered(MAX_CONCURRENT_WRITES).collect().await;
        let mut expectations = Vec::new();
        let mut out = Vec::with_capacity(results.len());
        for (step, (seen, result)) in steps.iter().zip(results) {
            expectations.extend(seen);
            match &result {
                Ok(()) => {
                    if let Some(write) = step.writes.first() {
                        self.held.remove(&write.target());
                        self.count(write.target());
                    }
                    for event in &step.events {
                        self.report(store, event).await;
                    }
                }
                Err(error) => self.hold(step, error),
            }
            out.push(result);
        }
        if !expectations.is_empty() {
            barrier::wait(store, expectations).await;
        }
        out
    }

    fn count(&mut self, target: (Kind, Key)) {
        let now = Instant::now();
        self.done.retain(|_, (since, _)| now.duration_since(*since) < WINDOW);
        let (since, times) = self.done.entry(target.clone()).or_insert((now, 0));
        *times += 1;
        if *times > MAX_WRITES_IN_WINDOW {
            tracing::warn!(object = %target.1, kind = ?target.0, "written again and again: somebody undoes it");
            self.held.insert(target, (*since + WINDOW, 0));
        }
    }

    fn hold(&mut self, step: &Step, error: &StoreError) {
        let Some(write) = step.writes.first() else { return };
        let target = write.target();
        let times = self.held.get(&target).map_or(0, |(_, times)| *times);
        let wait = match error {
            StoreError::Conflict => Duration::from_millis(50 << times.min(6)),
            StoreError::Unavailable(_) => Duration::from_millis(500 << times.min(6)),
            StoreError::Refused(_) => Duration::from_secs((30 << times.min(7)).min(3600)),
        };
        if !matches!(error, StoreError::Conflict) {
            tracing::warn!(object = %target.1, kind = ?target.0, %error, "a write was not done");
        }
        self.held.insert(target, (Instant::now() + wait, times + 1));
    }

    async fn report(&mut self, store: &impl Store, event: &Event) {
        let now = Instant::now();
        self.reported.retain(|_, at| now.duration_since(*at) < REPEAT_EVENT_AFTER);
        let about = (event.uid.clone(), event.reason, event.message.clone());
        if event.event_type == EventType::Warning && self.reported.contains_key(&about) {
            return;
        }
        self.reported.insert(about, now);
        tracing::info!(object = %event.key, kind = ?event.kind, reason = event.reason, "{}", event.message);
        store.report(event).await;
    }
}

async fn one(store: &impl Store, before: &View, step: &Step) -> (Vec<Expectation>, Result<(), StoreError>) {
    let mut expectations = Vec::new();
    for write in &step.writes {
        if !store.is_leader() {
            return (expectations, Err(StoreError::Conflict));
        }
        if let Err(error) = store.write(write).await {
            return (expectations, Err(error));
        }
        expectations.push(Expectation::of(write, before));
    }
    (expectations, Ok(()))
}
