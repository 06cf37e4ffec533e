//! The addresses in the status of Ingresses, written by the replica that leads.
//!
//! An address is told only once this replica serves the routes: clients come within milliseconds of it.

#[cfg(test)]
mod tests;

use crate::lease::Leadership;
use crate::view::ObjectKey;
use crate::view::ingress::{Address, AddressPort};
use futures_util::{StreamExt, stream};
use k8s_openapi::api::networking::v1::Ingress;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, warn};

/// Our name as a writer of fields.
const FIELD_MANAGER: &str = "flow-proxy";
/// How many are written at the same time.
const WRITES: usize = 8;
/// How long one may take, as in Traefik.
const REQUEST: Duration = Duration::from_secs(5);
/// The first pause after a failure; each next one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How long our own write may take to come back to us by the watch.
const ECHO: Duration = Duration::from_secs(10);

/// What is to be written at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    /// The version of the configuration that holds the routes of these Ingresses.
    pub(crate) version: u64,
    /// The Ingresses whose status is not what it should be.
    pub(crate) ingresses: Vec<ObjectKey>,
    /// What it should be.
    pub(crate) addresses: Arc<[Address]>,
}

/// What became of one write.
enum Outcome {
    Written,
    /// Not ours to write, or not there any longer.
    Dropped,
    Forbidden(String),
    Failed(String),
}

/// Writes plans as they come, each once the version that it names is served, while `leadership` allows. Ends with the
/// sender of plans.
pub(crate) async fn write(
    client: Client,
    leadership: Leadership,
    mut plans: watch::Receiver<Plan>,
    mut applied: watch::Receiver<u64>,
) {
    let mut writer = Writer { client, leadership, written: HashMap::new(), pause: FIRST_PAUSE, forbidden: false };
    while plans.changed().await.is_ok() {
        loop {
            let plan = plans.borrow_and_update().clone();
            if applied.wait_for(|version| *version >= plan.version).await.is_err() {
                return;
            }
            if writer.follow(&plan, &plans).await {
                break;
            }
            tokio::select! {
                () = writer.back_off() => {}
                changed = plans.changed() => if changed.is_err() { return },
            }
        }
    }
}

struct Writer {
    client: Client,
    leadership: Leadership,
    /// What was written lately: the watch may not have told us yet.
    written: HashMap<ObjectKey, (Arc<[Address]>, Instant)>,
    pause: Duration,
    forbidden: bool,
}

impl Writer {
    /// Writes until the plan is done or there is a newer one. False where something failed and is worth a retry.
    async fn follow(&mut self, plan: &Plan, newer: &watch::Receiver<Plan>) -> bool {
        let now = Instant::now();
        self.written.retain(|_, (_, at)| now.duration_since(*at) < ECHO);
        let fresh = |key: &&ObjectKey| self.written.get(*key).is_none_or(|(addresses, _)| *addresses != plan.addresses);
        let todo: Vec<_> = plan.ingresses.iter().filter(fresh).cloned().collect();
        let patch = patch(&plan.addresses);
        let (client, leadership) = (&self.client, &self.leadership);
        let writes = stream::iter(todo)
            .take_while(|_| std::future::ready(leadership.may_write_alike() && !newer.has_changed().unwrap_or(true)))
            .map(|key| one(client, key, &patch))
            .buffer_unordered(WRITES);
        let outcomes: Vec<_> = writes.collect().await;
        let mut well = true;
        for (key, outcome) in outcomes {
            match outcome {
                Outcome::Written => {
                    self.pause = FIRST_PAUSE;
                    self.forbidden = false;
                    self.written.insert(key, (Arc::clone(&plan.addresses), Instant::now()));
                }
                Outcome::Dropped => {}
                Outcome::Forbidden(words) => {
                    well = false;
                    if !std::mem::replace(&mut self.forbidden, true) {
                        warn!(
                            reason = words,
                            "the status of Ingresses cannot be written: grant patch on ingresses/status"
                        );
                    }
                }
                Outcome::Failed(error) => {
                    well = false;
                    debug!(ingress = %key, error, "the status could not be written");
                }
            }
        }
        well
    }

    async fn back_off(&mut self) {
        sleep(if self.forbidden { LONGEST_PAUSE } else { self.pause }).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}

async fn one(client: &Client, key: ObjectKey, patch: &Value) -> (ObjectKey, Outcome) {
    let api: Api<Ingress> = Api::namespaced(client.clone(), &key.namespace);
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let outcome = match timeout(REQUEST, api.patch_status(&key.name, &params, &Patch::Merge(patch))).await {
        Ok(Ok(_)) => Outcome::Written,
        Ok(Err(kube::Error::Api(status))) => match status.code {
            404 | 409 => Outcome::Dropped,
            403 => Outcome::Forbidden(status.message),
            _ => Outcome::Failed(status.message),
        },
        Ok(Err(error)) => Outcome::Failed(error.to_string()),
        Err(_) => Outcome::Failed("no answer in time".to_owned()),
    };
    (key, outcome)
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
