//! The tasks of the engine: writes, and calls.

use super::calls::{self, Means, Outcome};
use super::expectation::Expectation;
use crate::ca::Ca;
use crate::planner::{Call, Event, Step, Target};
use crate::store::{Store, StoreError};

/// A finished call and its result.
pub(super) struct CompletedCall {
    pub(super) call: Call,
    /// The uid of the object that it was for.
    pub(super) uid: String,
    pub(super) outcome: Option<Outcome>,
}

/// What became of the steps of an object.
pub(super) struct Written {
    /// The objects that were written.
    pub(super) done: Vec<Target>,
    /// What the view must show.
    pub(super) expected: Vec<Expectation>,
    /// The events of the steps that were done.
    pub(super) events: Vec<Event>,
    /// The first object that could not be written, and why.
    pub(super) failed: Option<(Target, StoreError)>,
}

/// A task that has ended.
pub(super) enum Done {
    /// A call.
    Call(Target, CompletedCall),
    /// Steps; with the call whose result they record, if any.
    Steps(Target, Written, Option<CompletedCall>),
}

/// Writes steps one after another. A step ends with its first write that fails; the others are done all the same.
pub(super) async fn write(store: &impl Store, steps: Vec<Step>) -> Written {
    let mut written = Written { done: Vec::new(), expected: Vec::new(), events: Vec::new(), failed: None };
    for step in steps {
        match one(store, &step, &mut written).await {
            Ok(()) => written.events.extend(step.events),
            Err(failed) => {
                written.failed.get_or_insert(failed);
            }
        }
    }
    written
}

async fn one(store: &impl Store, step: &Step, written: &mut Written) -> Result<(), (Target, StoreError)> {
    for write in &step.writes {
        if !store.is_leader() {
            return Err((write.target(), StoreError::Conflict));
        }
        store.write(write).await.map_err(|error| (write.target(), error))?;
        written.done.push(write.target());
        written.expected.push(Expectation::of(write));
    }
    Ok(())
}

/// Carries out a call.
pub(super) async fn call<S: Store, C: Ca>(call: Call, uid: String, means: Means<S, C>) -> CompletedCall {
    let outcome = calls::perform(&call, &means).await;
    CompletedCall { call, uid, outcome }
}
