//! Diagnostics as Events on their objects, as `kubectl describe` shows them, written by the leading replica.
//!
//! An Event's name is made from the object and the message, so that a new leader, or a restarted one, does not write it
//! again.

use super::Update;
use crate::crd::{Group, VERSION};
use crate::lease::{LeaderState, Leadership};
use crate::unserved::{self, GATEWAY};
use flow_model::diagnostic::{Diagnostic, Severity, causes};
use hashbrown::HashSet;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ListParams, PostParams};
use kube::core::{ApiResource, DynamicObject, ObjectMeta};
use kube::{Api, Client};
use sha2::{Digest as _, Sha256};
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{debug, warn};

/// The time that an API server keeps Events by default: findings that still hold are written again after it.
const EVENT_LIFETIME: Duration = Duration::from_secs(3600);
/// The pause between two Events, so that a cluster full of findings causes no flood.
const WRITE_PAUSE: Duration = Duration::from_millis(50);
/// The time for which a finding must hold: while objects are applied and certificates issued, many pass.
const SETTLING: Duration = Duration::from_secs(5);
/// The number of Events that may wait; further findings are only in the log and the API.
const MAX_WAITING: usize = 4096;
/// The time limit of one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest note that an API server takes, in bytes.
const MAX_NOTE: usize = 1000;
/// The longest part of an object's name in an Event's, in bytes.
const MAX_NAME: usize = 200;
/// The reporting controller.
const CONTROLLER: &str = "flow-proxy";

/// The reason why an Event was not written.
enum Unwritten {
    Forbidden(String),
    Failed(String),
}

/// Writes the findings of `updates` about objects while `leadership` is ours, until there are no more updates.
/// `identity` is this replica's name.
pub(super) async fn write(
    client: Client,
    leadership: Leadership,
    identity: String,
    mut updates: watch::Receiver<Option<Update>>,
) {
    let mut leader_state = leadership.state();
    let mut writer = Writer { client, identity, told: HashSet::default(), queue: VecDeque::new(), forbidden: false };
    let mut again = Instant::now() + EVENT_LIFETIME;
    loop {
        let leads = *leader_state.borrow_and_update() == LeaderState::Leader;
        if leads {
            writer.take(updates.borrow_and_update().as_ref());
        } else {
            writer.forget();
        }
        tokio::select! {
            changed = updates.changed() => if changed.is_err() { return },
            Ok(()) = leader_state.changed() => {}
            () = sleep_until(again) => {
                again += EVENT_LIFETIME;
                writer.forget();
            }
            () = writer.due(), if leads => {
                if leadership.is_leader() {
                    writer.next().await;
                }
            }
        }
    }
}

struct Writer {
    client: Client,
    identity: String,
    /// Findings that were written, or wait to be.
    told: HashSet<Diagnostic, foldhash::fast::RandomState>,
    /// Findings that wait, and since when they hold.
    queue: VecDeque<(Instant, Diagnostic)>,
    /// True if the missing permission was logged.
    forbidden: bool,
}

impl Writer {
    /// Queues new findings. A finding that ended may come back and is written again then.
    fn take(&mut self, update: Option<&Update>) {
        let Some(update) = update else { return };
        let of_objects = update.sources.iter().flat_map(|source| &source.config.diagnostics);
        let all = of_objects.chain(update.diagnostics.iter());
        let all: HashSet<&Diagnostic, foldhash::fast::RandomState> = all
            .filter(|diagnostic| !resources(diagnostic.subject.kind).is_empty() && &*diagnostic.subject.name != "*")
            .collect();
        self.told.retain(|diagnostic| all.contains(diagnostic));
        self.queue.retain(|(_, diagnostic)| all.contains(diagnostic));
        for diagnostic in all {
            if self.queue.len() < MAX_WAITING && !self.told.contains(diagnostic) {
                self.told.insert(diagnostic.clone());
                self.queue.push_back((Instant::now(), diagnostic.clone()));
            }
        }
    }

    fn forget(&mut self) {
        self.told.clear();
        self.queue.clear();
    }

    /// Waits until the next finding has held for long enough; for ever, if none waits.
    async fn due(&self) {
        match self.queue.front() {
            Some((since, _)) => sleep_until((*since + SETTLING).max(Instant::now() + WRITE_PAUSE)).await,
            None => std::future::pending().await,
        }
    }

    async fn next(&mut self) {
        let Some((_, diagnostic)) = self.queue.pop_front() else { return };
        let outcome = timeout(REQUEST_TIMEOUT, one(&self.client, &self.identity, &diagnostic)).await;
        match outcome.unwrap_or_else(|_| Err(Unwritten::Failed("no answer in time".to_owned()))) {
            Ok(()) => self.forbidden = false,
            Err(Unwritten::Forbidden(words)) => {
                if !std::mem::replace(&mut self.forbidden, true) {
                    warn!(words, "Events cannot be written: grant create on events.events.k8s.io");
                }
            }
            Err(Unwritten::Failed(error)) => debug!(?diagnostic, error, "an Event was not written"),
        }
    }
}

/// Writes one Event; if it exists already, or its object is gone, there is nothing to write.
async fn one(client: &Client, identity: &str, diagnostic: &Diagnostic) -> Result<(), Unwritten> {
    let Some(object) = find(client, diagnostic).await? else { return Ok(()) };
    let namespace = object.namespace.clone().unwrap_or_else(|| "default".to_owned());
    let api: Api<Event> = Api::namespaced(client.clone(), &namespace);
    let event = event(object, namespace, identity, diagnostic);
    match api.create(&PostParams::default(), &event).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
        Err(error) => Err(unwritten(&error)),
    }
}

fn unwritten(error: &kube::Error) -> Unwritten {
    match error {
        kube::Error::Api(status) if status.code == 403 => Unwritten::Forbidden(status.message.clone()),
        error => Unwritten::Failed(causes(error)),
    }
}

/// Returns the object of a diagnostic, with its UID, by which `kubectl describe` finds an Event.
async fn find(client: &Client, diagnostic: &Diagnostic) -> Result<Option<ObjectReference>, Unwritten> {
    let subject = &diagnostic.subject;
    for resource in resources(subject.kind) {
        let api: Api<DynamicObject> = if subject.namespace.is_empty() {
            Api::all_with(client.clone(), &resource)
        } else {
            Api::namespaced_with(client.clone(), &subject.namespace, &resource)
        };
        let only = ListParams::default().fields(&format!("metadata.name={}", subject.name)).limit(1);
        let list = match api.list_metadata(&only).await {
            Ok(list) => list,
            Err(kube::Error::Api(status)) if status.code == 404 => continue,
            Err(error) => return Err(unwritten(&error)),
        };
        if let Some(found) = list.items.into_iter().next() {
            return Ok(Some(ObjectReference {
                api_version: Some(resource.api_version),
                kind: Some(resource.kind),
                name: found.metadata.name,
                namespace: found.metadata.namespace,
                uid: found.metadata.uid,
                resource_version: found.metadata.resource_version,
                ..ObjectReference::default()
            }));
        }
    }
    Ok(None)
}

fn event(object: ObjectReference, namespace: String, identity: &str, diagnostic: &Diagnostic) -> Event {
    let mut name = object.name.clone().unwrap_or_default();
    name.truncate(name.floor_char_boundary(MAX_NAME));
    name.push('.');
    let uid = object.uid.as_deref().unwrap_or_default();
    for byte in Sha256::digest(format!("{uid} {}", diagnostic.message)).iter().take(8) {
        // Writing to a String cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    let cut = |text: &str, longest: usize| text[..text.floor_char_boundary(longest)].to_owned();
    Event {
        action: Some("Read".to_owned()),
        event_time: Some(MicroTime(jiff::Timestamp::now())),
        metadata: ObjectMeta { name: Some(name), namespace: Some(namespace), ..ObjectMeta::default() },
        note: Some(cut(&diagnostic.message, MAX_NOTE)),
        reason: Some(reason(diagnostic).to_owned()),
        regarding: Some(object),
        reporting_controller: Some(CONTROLLER.to_owned()),
        reporting_instance: Some(cut(identity, 128)),
        type_: Some("Warning".to_owned()),
        ..Event::default()
    }
}

fn reason(diagnostic: &Diagnostic) -> &'static str {
    let unserved = unserved::TRAEFIK.iter().chain(&unserved::GATEWAYS);
    let is_unserved = unserved.into_iter().any(|known| known.kind == diagnostic.subject.kind);
    if is_unserved || diagnostic.severity == Severity::Error { "NotServed" } else { "ServedDifferently" }
}

/// Returns the resources that a subject's kind may be; empty for what is not an object of a cluster.
fn resources(kind: &str) -> Vec<ApiResource> {
    let of = |group: &str, version: &str, plural: &str| ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version: if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") },
        kind: kind.to_owned(),
        plural: plural.to_owned(),
    };
    let traefik = |plural: &str| Group::ALL.map(|group| of(group.name(), VERSION, plural)).to_vec();
    let plural = |known: &[unserved::Unserved]| known.iter().find(|known| known.kind == kind).map(|known| known.plural);
    match kind {
        "Ingress" => vec![of("networking.k8s.io", "v1", "ingresses")],
        "Service" => vec![of("", "v1", "services")],
        "IngressRoute" => traefik("ingressroutes"),
        "Middleware" => traefik("middlewares"),
        "ServersTransport" => traefik("serverstransports"),
        "TLSOption" => traefik("tlsoptions"),
        "TLSStore" => traefik("tlsstores"),
        "TraefikService" => traefik("traefikservices"),
        _ => {
            if let Some(plural) = plural(&unserved::TRAEFIK) {
                traefik(plural)
            } else if let Some(plural) = plural(&unserved::GATEWAYS) {
                vec![of(GATEWAY, "v1", plural), of(GATEWAY, "v1alpha2", plural)]
            } else {
                Vec::new()
            }
        }
    }
}
