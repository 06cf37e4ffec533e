//! The state of a leader: its plans, its tasks, and what it waits for.

use super::backoff::{Backoff, Wait};
use super::calls::{self, Means};
use super::expectation::Expectation;
use super::jobs::{self, CompletedCall, Done, Written};
use super::propagation::Propagation;
use super::schedule::{Scene, Schedule, Task};
use super::writes::Writes;
use super::{Engine, MAX_SLEEP, outcome};
use crate::ca::Ca;
use crate::planner::{Planner, Step, Target};
use crate::store::{Store, StoreError};
use crate::view::View;
use jiff::Timestamp;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// The longest time for which the view may not show what was written: an object may have been deleted right after.
const VIEW_TIMEOUT: Duration = Duration::from_secs(3);
/// The pause before the result of a call is written again.
const WRITE_AGAIN: Duration = Duration::from_millis(200);

/// What the view must show before an object is planned for again.
struct Settling {
    expected: Vec<Expectation>,
    until: Instant,
}

/// The work of a leader.
pub(super) struct Work {
    planner: Planner,
    schedule: Schedule,
    backoff: Backoff,
    writes: Writes,
    propagation: Arc<Mutex<Propagation>>,
    tasks: JoinSet<Done>,
    ended: Vec<Done>,
    settling: HashMap<Target, Settling>,
    /// Results of calls that could not be written, and when to try again.
    unwritten: Vec<(Instant, Target, CompletedCall)>,
    /// Objects to be planned for again although the view shows no change of them.
    again: Vec<Target>,
    has_begun: bool,
}

impl Work {
    pub(super) fn new<S, C>(engine: &Engine<S, C>) -> Self {
        Self {
            planner: Planner::new(Arc::clone(&engine.settings)),
            schedule: Schedule::new(&engine.settings),
            backoff: Backoff::default(),
            writes: Writes::default(),
            propagation: Arc::default(),
            tasks: JoinSet::new(),
            ended: Vec::new(),
            settling: HashMap::new(),
            unwritten: Vec::new(),
            again: Vec::new(),
            has_begun: false,
        }
    }

    /// True if there has been a turn.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Drops all tasks.
    pub(super) async fn abort(&mut self) {
        self.tasks.shutdown().await;
    }

    /// Waits until a task has ended.
    pub(super) async fn ended(&mut self) {
        match self.tasks.join_next().await {
            Some(done) => self.ended.extend(done.ok()),
            None => std::future::pending().await,
        }
        while let Some(done) = self.tasks.try_join_next() {
            self.ended.extend(done.ok());
        }
    }

    /// Takes in what happened, and begins what follows. Returns the time until which there is nothing to do.
    pub(super) async fn turn<S: Store, C: Ca>(&mut self, engine: &Engine<S, C>, view: &Arc<View>) -> Instant {
        self.has_begun = true;
        let now = engine.now();
        for done in std::mem::take(&mut self.ended) {
            match done {
                Done::Call(target, call) => self.record(engine, view, target, call, now),
                Done::Steps(target, written, call) => self.written(engine, target, written, call).await,
            }
        }
        self.settle(view);
        self.write_again(engine, view, now);
        let planned = {
            let _span = tracing::debug_span!("plan", %now).entered();
            let again = std::mem::take(&mut self.again);
            let planned = self.planner.advance(view, again, now);
            tracing::debug!(planned = planned.len(), wake = ?self.planner.wake(), "planned");
            planned
        };
        let mut due = self.schedule.due();
        due.extend(planned.iter().cloned());
        for target in &planned {
            self.report_only(engine, target).await;
        }
        self.place(engine, view, &due);
        let admitted = self.schedule.admit(view, &self.backoff, now);
        self.place(engine, view, &admitted);
        while let Some(task) = self.schedule.start() {
            self.begin(engine, view, task, now);
        }
        self.writes.prune();
        let (waiting, moving) = self.schedule.counts();
        engine.metrics.line(waiting, moving);
        self.next(now)
    }

    fn place<S, C>(&mut self, engine: &Engine<S, C>, view: &View, targets: &[Target]) {
        let scene = Scene { view, settings: &engine.settings, planner: &self.planner, writes: &self.writes };
        for target in targets {
            self.schedule.place(target, &scene, &mut self.backoff);
        }
    }

    /// Reports the events of a plan that come without a write.
    async fn report_only<S: Store, C>(&mut self, engine: &Engine<S, C>, target: &Target) {
        let Some(plan) = self.planner.of(target) else { return };
        for step in plan.steps.iter().filter(|step| step.writes.is_empty()) {
            for event in &step.events {
                self.writes.report(&*engine.store, event).await;
            }
        }
    }

    fn begin<S: Store, C: Ca>(&mut self, engine: &Engine<S, C>, view: &Arc<View>, task: Task, now: Timestamp) {
        match task {
            Task::Steps(target) => {
                let steps = self.planner.of(&target).map(|plan| plan.steps.clone()).unwrap_or_default();
                let steps = steps.into_iter().filter(|step| !step.writes.is_empty()).collect();
                self.spawn_steps(engine, target, steps, None);
            }
            Task::Call(target) => {
                let call = self.planner.of(&target).and_then(|plan| plan.calls.first()).cloned();
                let Some((call, uid)) = call.and_then(|call| calls::uid(view, &call).map(|uid| (call, uid))) else {
                    return self.schedule.end(&target);
                };
                let means = Means {
                    view: Arc::clone(view),
                    settings: Arc::clone(&engine.settings),
                    store: Arc::clone(&engine.store),
                    ca: Arc::clone(&engine.ca),
                    table: Arc::clone(&engine.table),
                    propagation: Arc::clone(&self.propagation),
                    now,
                };
                self.tasks.spawn(async move { Done::Call(target, jobs::call(call, uid, means).await) });
            }
        }
    }

    fn spawn_steps<S: Store, C>(
        &mut self,
        engine: &Engine<S, C>,
        target: Target,
        steps: Vec<Step>,
        call: Option<CompletedCall>,
    ) {
        let store = Arc::clone(&engine.store);
        self.tasks.spawn(async move { Done::Steps(target, jobs::write(&*store, steps).await, call) });
    }

    /// Writes what follows from the result of a call.
    fn record<S: Store, C: Ca>(
        &mut self,
        engine: &Engine<S, C>,
        view: &View,
        target: Target,
        completed: CompletedCall,
        now: Timestamp,
    ) {
        let Some(outcome) = &completed.outcome else { return self.finish(target) };
        if calls::uid(view, &completed.call).as_deref() != Some(&*completed.uid) {
            return self.finish(target);
        }
        engine.metrics.count(&completed.call, outcome);
        let mut recorded = outcome::record(&completed.call, outcome, view, &engine.settings, now);
        if recorded.step.is_none() && recorded.wait == Wait::Done {
            // Nothing changes by it: the same call must not follow at once.
            recorded.wait = Wait::Poll(None);
        }
        let about = recorded.about.as_ref().unwrap_or(&completed.call);
        if let Some(until) = self.backoff.note(about, &recorded.wait) {
            let (kind, key) = about.target();
            self.schedule.wait(&(kind, key.clone()), until);
        }
        match recorded.step {
            Some(step) => self.spawn_steps(engine, target, vec![step], Some(completed)),
            None => self.finish(target),
        }
    }

    async fn written<S: Store, C>(
        &mut self,
        engine: &Engine<S, C>,
        target: Target,
        written: Written,
        call: Option<CompletedCall>,
    ) {
        for done in written.done {
            self.writes.count(done);
        }
        for event in &written.events {
            self.writes.report(&*engine.store, event).await;
        }
        match (written.failed, call) {
            // The object was changed by another client. The result still holds and is written again on top of that.
            // Where a part of it was done, what is left follows from the view.
            (Some((_, StoreError::Conflict | StoreError::Unavailable(_))), Some(call))
                if written.expected.is_empty() =>
            {
                return self.unwritten.push((Instant::now() + WRITE_AGAIN, target, call));
            }
            (Some((held, error)), _) => {
                let until = self.writes.hold(held, &error);
                self.schedule.wait(&target, until);
            }
            (None, _) => {}
        }
        if written.expected.is_empty() {
            return self.finish(target);
        }
        self.schedule.settle(&target);
        self.settling.insert(target, Settling { expected: written.expected, until: Instant::now() + VIEW_TIMEOUT });
    }

    /// Frees the objects of which the view shows what was written.
    fn settle(&mut self, view: &View) {
        let now = Instant::now();
        let settled = self.settling.extract_if(|target, settling| {
            settling.expected.retain(|expected| !expected.is_met(view));
            if !settling.expected.is_empty() && settling.until <= now {
                tracing::debug!(object = %target.1, "the view does not show what was written");
                return true;
            }
            settling.expected.is_empty()
        });
        let settled: Vec<Target> = settled.map(|(target, _)| target).collect();
        settled.into_iter().for_each(|target| self.finish(target));
    }

    fn write_again<S: Store, C: Ca>(&mut self, engine: &Engine<S, C>, view: &View, now: Timestamp) {
        let (due, later) =
            std::mem::take(&mut self.unwritten).into_iter().partition(|(at, _, _)| *at <= Instant::now());
        self.unwritten = later;
        let due: Vec<(Instant, Target, CompletedCall)> = due;
        for (_, target, completed) in due {
            let Some(outcome) = &completed.outcome else { continue };
            if calls::uid(view, &completed.call).as_deref() != Some(&*completed.uid) {
                self.finish(target);
                continue;
            }
            match outcome::record(&completed.call, outcome, view, &engine.settings, now).step {
                Some(step) => self.spawn_steps(engine, target, vec![step], Some(completed)),
                None => self.finish(target),
            }
        }
    }

    fn finish(&mut self, target: Target) {
        self.schedule.end(&target);
        self.again.push(target);
    }

    fn next(&mut self, now: Timestamp) -> Instant {
        let longest = Instant::now() + MAX_SLEEP;
        let wake = self.planner.wake().map_or(longest, |at| {
            let wait = u64::try_from(at.duration_since(now).as_secs()).unwrap_or(0);
            Instant::now() + Duration::from_secs(wait.clamp(1, MAX_SLEEP.as_secs()))
        });
        let settling = self.settling.values().map(|settling| settling.until);
        let unwritten = self.unwritten.iter().map(|(at, _, _)| *at);
        let again = if self.again.is_empty() { None } else { Some(Instant::now()) };
        let others = [Some(wake), self.schedule.next(), self.backoff.next(), again];
        settling.chain(unwritten).chain(others.into_iter().flatten()).min().unwrap_or(longest).min(longest)
    }
}
