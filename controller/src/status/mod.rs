//! Statuses of objects, written by the leading replica.
//!
//! A status is written only once this replica serves the configuration that it is about: after the address of an
//! Ingress, clients come within milliseconds.

pub(crate) mod load_balancer;
mod queue;
#[cfg(test)]
mod tests;

use crate::lease::Leadership;
use crate::view::{Kind, ObjectKey};
use flow_model::diagnostic::causes;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use kube::api::{Patch, PatchParams};
use kube::core::DynamicObject;
use kube::{Api, Client};
use queue::Queue;
use serde_json::Value;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{debug, warn};

/// Our name as a writer of fields.
const FIELD_MANAGER: &str = "flow-proxy";
/// The number of statuses that are written at the same time.
const MAX_WRITES: usize = 8;
/// The time limit of one request, as in Traefik.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// The first pause after a failure; each next one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// A change of an object's status.
#[derive(Clone, Debug)]
pub(crate) struct StatusPatch {
    /// The kind.
    pub(crate) kind: Kind,
    /// The object, in a namespace.
    pub(crate) key: ObjectKey,
    /// The generation of the configuration that the status is about, as in `Update::version`: it must be served first.
    pub(crate) generation: u64,
    /// The merge patch (RFC 7386), which may be that of many objects.
    pub(crate) body: Arc<Value>,
}

/// Statuses to write.
#[derive(Clone, Debug)]
pub(crate) enum Plan {
    /// These too. Of an object whose earlier status still waits, the newer one is written.
    More(Vec<StatusPatch>),
    /// Of this kind only these: every other object's status is as it should be.
    Only(Kind, Vec<StatusPatch>),
}

/// The outcome of one write.
enum Outcome {
    /// Written, or the object is gone.
    Done,
    Forbidden(String),
    Failed(String),
}

/// Writes plans as they come, each patch once its generation is served, while `leadership` allows. A replica that becomes
/// the leader later gets a new plan. Ends with the sender of plans.
pub(crate) async fn write(
    client: Client,
    leadership: Leadership,
    mut plans: mpsc::UnboundedReceiver<Plan>,
    mut applied: watch::Receiver<u64>,
) {
    let mut writer = Writer::new(client, leadership);
    loop {
        let served = *applied.borrow_and_update();
        let paused = writer.start(served, Instant::now());
        tokio::select! {
            plan = plans.recv() => match plan {
                Some(Plan::More(patches)) => patches.into_iter().for_each(|patch| writer.queue.push(patch)),
                Some(Plan::Only(kind, patches)) => writer.queue.replace(kind, patches),
                None => return,
            },
            changed = applied.changed() => if changed.is_err() { return },
            Some((patch, round, outcome)) = writer.writes.next(), if !writer.writes.is_empty() => {
                writer.written(patch, round, outcome, Instant::now());
            }
            () = sleep_until(paused.unwrap_or_else(Instant::now)), if paused.is_some() => {}
        }
    }
}

struct Writer {
    client: Client,
    leadership: Leadership,
    queue: Queue,
    writes: FuturesUnordered<BoxFuture<'static, (StatusPatch, u64, Outcome)>>,
    pause: Duration,
    paused: Option<Instant>,
    /// Kinds of which a status could not be written for lack of permission, and none could since.
    forbidden: HashSet<Kind>,
}

impl Writer {
    fn new(client: Client, leadership: Leadership) -> Self {
        Self {
            client,
            leadership,
            queue: Queue::default(),
            writes: FuturesUnordered::new(),
            pause: FIRST_PAUSE,
            paused: None,
            forbidden: HashSet::new(),
        }
    }

    /// Starts the writes that are allowed now. Returns the end of the pause if a failure delays them.
    fn start(&mut self, served: u64, now: Instant) -> Option<Instant> {
        if !self.leadership.may_write_alike() {
            self.queue.clear();
            return None;
        }
        if let Some(until) = self.paused.filter(|until| *until > now) {
            return Some(until);
        }
        while self.writes.len() < MAX_WRITES
            && let Some(patch) = self.queue.pop(served)
        {
            let (client, round) = (self.client.clone(), self.queue.round());
            self.writes.push(
                async move {
                    let outcome = one(client, &patch).await;
                    (patch, round, outcome)
                }
                .boxed(),
            );
        }
        None
    }

    fn written(&mut self, patch: StatusPatch, round: u64, outcome: Outcome, now: Instant) {
        let kind = patch.kind;
        match outcome {
            Outcome::Done => {
                self.pause = FIRST_PAUSE;
                self.forbidden.remove(&kind);
                return;
            }
            Outcome::Forbidden(words) => {
                self.pause = MAX_PAUSE;
                if self.forbidden.insert(kind) {
                    let (name, plural) = (several(kind.name()), kind.plural());
                    warn!(words, "the status of {name} cannot be written: grant patch on {plural}/status");
                }
            }
            Outcome::Failed(error) => {
                debug!(kind = kind.name(), object = %patch.key, error, "the status could not be written");
            }
        }
        self.queue.push_again(patch, round);
        // Failures at the same time make one pause.
        if self.paused.is_none_or(|until| until <= now) {
            self.paused = Some(now + self.pause);
            self.pause = (self.pause * 2).min(MAX_PAUSE);
        }
    }
}

/// Returns the plural of a kind's name.
fn several(name: &str) -> String {
    format!("{name}{}", if name.ends_with('s') { "es" } else { "s" })
}

async fn one(client: Client, StatusPatch { kind, key, body, .. }: &StatusPatch) -> Outcome {
    let api: Api<DynamicObject> = Api::namespaced_with(client, &key.namespace, &kind.api_resource());
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    match timeout(REQUEST_TIMEOUT, api.patch_status(&key.name, &params, &Patch::Merge(body))).await {
        Ok(Ok(_)) => Outcome::Done,
        Ok(Err(kube::Error::Api(status))) => match status.code {
            404 | 409 => Outcome::Done,
            403 => Outcome::Forbidden(status.message),
            _ => Outcome::Failed(status.message),
        },
        Ok(Err(error)) => Outcome::Failed(causes(&error)),
        Err(_) => Outcome::Failed("no answer in time".to_owned()),
    }
}
