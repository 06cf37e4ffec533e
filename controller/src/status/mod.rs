//! The addresses in the status of Ingresses, written by the leading replica.
//!
//! An address is written only once this replica serves the routes: clients come within milliseconds.

#[cfg(test)]
mod tests;

use crate::lease::Leadership;
use crate::view::ObjectKey;
use crate::view::ingress::{Address, AddressPort};
use flow_model::diagnostic::causes;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use k8s_openapi::api::networking::v1::Ingress;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use std::collections::{HashSet, VecDeque};
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

/// Statuses to write.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The version of the configuration that holds the routes of these Ingresses.
    pub(crate) version: u64,
    /// Ingresses whose status is not current.
    pub(crate) ingresses: Vec<ObjectKey>,
    /// The current addresses, for these and all that still wait.
    pub(crate) addresses: Arc<[Address]>,
}

/// The outcome of one write.
enum Outcome {
    /// Written, or the object is gone.
    Done,
    Forbidden(String),
    Failed(String),
}

/// Writes plans as they come, each once its version is served, while `leadership` allows. A replica that becomes the
/// leader later gets a new plan. Ends with the sender of plans.
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
                Some(plan) => writer.enqueue(plan),
                None => return,
            },
            changed = applied.changed() => if changed.is_err() { return },
            Some((key, version, outcome)) = writer.writes.next(), if !writer.writes.is_empty() => {
                writer.written(key, version, outcome, Instant::now());
            }
            () = sleep_until(paused.unwrap_or_else(Instant::now)), if paused.is_some() => {}
        }
    }
}

struct Writer {
    client: Client,
    leadership: Leadership,
    addresses: Arc<[Address]>,
    patch: Arc<Value>,
    queue: VecDeque<(ObjectKey, u64)>,
    /// The Ingresses in the queue.
    queued: HashSet<ObjectKey>,
    writes: FuturesUnordered<BoxFuture<'static, (ObjectKey, u64, Outcome)>>,
    pause: Duration,
    paused: Option<Instant>,
    forbidden: bool,
}

impl Writer {
    fn new(client: Client, leadership: Leadership) -> Self {
        Self {
            client,
            leadership,
            addresses: Arc::default(),
            patch: Arc::default(),
            queue: VecDeque::new(),
            queued: HashSet::new(),
            writes: FuturesUnordered::new(),
            pause: FIRST_PAUSE,
            paused: None,
            forbidden: false,
        }
    }

    fn enqueue(&mut self, plan: Plan) {
        if self.addresses != plan.addresses {
            self.patch = Arc::new(patch(&plan.addresses));
            self.addresses = plan.addresses;
        }
        for key in plan.ingresses {
            self.push(key, plan.version);
        }
    }

    fn push(&mut self, key: ObjectKey, version: u64) {
        if self.queued.insert(key.clone()) {
            self.queue.push_back((key, version));
        }
    }

    /// Starts the writes that are allowed now. Returns the end of the pause if a failure delays them.
    fn start(&mut self, served: u64, now: Instant) -> Option<Instant> {
        if !self.leadership.may_write_alike() {
            self.queue.clear();
            self.queued.clear();
            return None;
        }
        if let Some(until) = self.paused.filter(|until| *until > now) {
            return Some(until);
        }
        while self.writes.len() < MAX_WRITES
            && let Some((key, version)) = self.queue.pop_front_if(|(_, version)| *version <= served)
        {
            self.queued.remove(&key);
            let (client, patch) = (self.client.clone(), Arc::clone(&self.patch));
            self.writes.push(
                async move {
                    let outcome = one(&client, &key, &patch).await;
                    (key, version, outcome)
                }
                .boxed(),
            );
        }
        None
    }

    fn written(&mut self, key: ObjectKey, version: u64, outcome: Outcome, now: Instant) {
        match outcome {
            Outcome::Done => {
                self.pause = FIRST_PAUSE;
                self.forbidden = false;
                return;
            }
            Outcome::Forbidden(words) => {
                self.pause = MAX_PAUSE;
                if !std::mem::replace(&mut self.forbidden, true) {
                    warn!(words, "the status of Ingresses cannot be written: grant patch on ingresses/status");
                }
            }
            Outcome::Failed(error) => debug!(ingress = %key, error, "the status could not be written"),
        }
        self.push(key, version);
        // Failures at the same time make one pause.
        if self.paused.is_none_or(|until| until <= now) {
            self.paused = Some(now + self.pause);
            self.pause = (self.pause * 2).min(MAX_PAUSE);
        }
    }
}

async fn one(client: &Client, key: &ObjectKey, patch: &Value) -> Outcome {
    let api: Api<Ingress> = Api::namespaced(client.clone(), &key.namespace);
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    match timeout(REQUEST_TIMEOUT, api.patch_status(&key.name, &params, &Patch::Merge(patch))).await {
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

fn patch(addresses: &[Address]) -> Value {
    let addresses: Vec<Value> = addresses.iter().map(address).collect();
    json!({ "status": { "loadBalancer": { "ingress": addresses } } })
}

fn address(address: &Address) -> Value {
    let mut value = json!({});
    if !address.ip.is_empty() {
        value["ip"] = json!(address.ip);
    }
    if !address.hostname.is_empty() {
        value["hostname"] = json!(address.hostname);
    }
    if !address.ports.is_empty() {
        let port = |port: &AddressPort| json!({ "port": port.port, "protocol": port.protocol });
        value["ports"] = address.ports.iter().map(port).collect();
    }
    value
}
