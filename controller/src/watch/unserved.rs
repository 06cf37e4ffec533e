//! Objects of kinds that are not served: watched by their metadata if the cluster has the kind, and reported one by
//! one.

use super::discovery::UnservedKind;
use super::outage::Outage;
use super::plan::Plan;
use super::scope::Scope;
use super::watcher::{WatchEvent, Watcher};
use crate::unserved::{CONTROLLER, GATEWAY};
use crate::view::ObjectKey;
use crate::view::annotations::CLASS;
use flow_model::diagnostic::{Diagnostic, Subject};
use kube::core::{ApiResource, DynamicObject, ObjectMeta, PartialObjectMeta};
use kube::runtime::watcher::{Config, Event};
use kube::{Api, Client};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

/// The number of objects of one kind that are reported one by one.
const MAX_NAMED: usize = 1000;
/// The class that stands for Traefik if no option names another.
const DEFAULT_CLASS: &str = "traefik";
/// The number of messages that may wait.
const INBOX_SIZE: usize = 64;

/// The identity of a watch: a kind, in one namespace or in all.
type Id = (UnservedKind, Option<Arc<str>>);

/// A message of a watch.
enum Message {
    Listed(Id, BTreeSet<ObjectKey>),
    Applied(Id, ObjectKey),
    Deleted(Id, ObjectKey),
    Forbidden(Id, String),
    /// The controllers that the GatewayClasses name.
    Classes(BTreeMap<String, String>),
}

/// The objects of one kind in one namespace or in all.
enum Known {
    Objects(BTreeSet<ObjectKey>),
    Forbidden(String),
}

/// The watches of kinds that are not served.
pub(super) struct UnservedWatches {
    client: Client,
    outage: Outage,
    scope: Scope,
    /// `ingressClass` of the provider.
    class: Arc<str>,
    tasks: JoinSet<()>,
    running: BTreeMap<Id, AbortHandle>,
    known: BTreeMap<Id, Known>,
    /// GatewayClasses and the controllers that they name; `None` if they are not known.
    classes: Option<BTreeMap<String, String>>,
    /// True if cluster-wide kinds may be read.
    cluster: bool,
    inbox: (mpsc::Sender<Message>, mpsc::Receiver<Message>),
    diagnostics: Vec<Diagnostic>,
    changed: bool,
}

impl UnservedWatches {
    pub(super) fn new(client: Client, outage: Outage, plan: &Plan) -> Self {
        Self {
            cluster: plan.nodes,
            client,
            outage,
            scope: plan.custom.clone().unwrap_or_default(),
            class: plan.class.as_str().into(),
            tasks: JoinSet::new(),
            running: BTreeMap::new(),
            known: BTreeMap::new(),
            classes: None,
            inbox: mpsc::channel(INBOX_SIZE),
            diagnostics: Vec::new(),
            changed: false,
        }
    }

    /// Starts and ends watches, so that exactly these kinds are followed.
    pub(super) fn follow(&mut self, kinds: &BTreeSet<UnservedKind>) {
        let mut wanted = BTreeSet::new();
        for kind in kinds.iter().filter(|kind| kind.namespaced || self.cluster) {
            let places = if kind.namespaced { self.scope.watched() } else { vec![None] };
            wanted.extend(places.into_iter().map(|place| (kind.clone(), place)));
        }
        let gone: Vec<Id> = self.running.keys().filter(|id| !wanted.contains(*id)).cloned().collect();
        for id in gone {
            if let Some(task) = self.running.remove(&id) {
                task.abort();
            }
            self.known.remove(&id);
            self.changed = true;
        }
        for id in wanted {
            if !self.running.contains_key(&id) {
                let task = self.start(id.clone());
                self.running.insert(id, task);
            }
        }
    }

    fn start(&mut self, id: Id) -> AbortHandle {
        let (kind, namespace) = &id;
        let resource = kind.resource();
        let config = Config { label_selector: self.scope.selector(), ..Config::default() };
        let send = self.inbox.0.clone();
        if kind.is_gateway_class() {
            let watcher = Watcher::new(Api::all_with(self.client.clone(), &resource), Config::default(), &self.outage);
            return self.tasks.spawn(classes(id, watcher, send));
        }
        let api = api(&self.client, namespace.as_deref(), &resource);
        let class = Arc::clone(&self.class);
        self.tasks.spawn(objects(id, Watcher::new(api, config, &self.outage), class, send))
    }

    /// Waits for messages and handles them. May be dropped before it is ready without losing any.
    pub(super) async fn changed(&mut self) {
        if let Some(message) = self.inbox.1.recv().await {
            self.apply(message);
            while let Ok(message) = self.inbox.1.try_recv() {
                self.apply(message);
            }
        }
    }

    fn apply(&mut self, message: Message) {
        self.changed = true;
        match message {
            Message::Listed(id, keys) => drop(self.known.insert(id, Known::Objects(keys))),
            Message::Applied(id, key) => match self.known.entry(id).or_insert(Known::Objects(BTreeSet::new())) {
                Known::Objects(keys) => drop(keys.insert(key)),
                other @ Known::Forbidden(_) => *other = Known::Objects(BTreeSet::from([key])),
            },
            Message::Deleted(id, key) => {
                if let Some(Known::Objects(keys)) = self.known.get_mut(&id) {
                    keys.remove(&key);
                }
            }
            Message::Forbidden(id, words) => drop(self.known.insert(id, Known::Forbidden(words))),
            Message::Classes(classes) => self.classes = Some(classes),
        }
    }

    /// True if [`Self::diagnostics`] differ from those at the last call.
    pub(super) fn take_changed(&mut self) -> bool {
        if !std::mem::take(&mut self.changed) {
            return false;
        }
        let now = self.findings();
        let differs = now != self.diagnostics;
        self.diagnostics = now;
        differs
    }

    /// Returns the findings, once [`Self::take_changed`] was called.
    pub(super) fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    fn findings(&self) -> Vec<Diagnostic> {
        let mut findings = Vec::new();
        for (class, _) in self.classes.iter().flatten().filter(|(_, controller)| *controller == CONTROLLER) {
            let message = "the Gateway API is not served, nor is what belongs to this class: write Ingresses";
            findings.push(Diagnostic::warning(Subject::new("GatewayClass", "", class.as_str()), message));
        }
        // If another controller has a class, the routes may be its own.
        let gateways = self.classes.as_ref().is_some_and(|all| all.values().all(|controller| controller == CONTROLLER));
        let mut forbidden: BTreeMap<String, &str> = BTreeMap::new();
        for ((kind, _), known) in &self.known {
            match known {
                Known::Objects(_) if kind.group == GATEWAY && !gateways => {}
                Known::Objects(keys) => findings.extend(kind.findings(keys)),
                Known::Forbidden(words) => drop(forbidden.insert(format!("{}.{}", kind.plural, kind.group), words)),
            }
        }
        if let Some((_, words)) = forbidden.first_key_value() {
            let kinds: Vec<&str> = forbidden.keys().map(String::as_str).collect();
            let message = format!(
                "objects of these kinds have no effect here, and it is not known whether there are any: grant list and watch on {} (the API server says: {words})",
                kinds.join(", ")
            );
            findings.push(Diagnostic::warning(Subject::new("Provider", "", "kubernetesCRD"), message));
        }
        findings
    }
}

impl UnservedKind {
    fn is_gateway_class(&self) -> bool {
        self.group == GATEWAY && self.kind == "GatewayClass"
    }

    pub(super) fn resource(&self) -> ApiResource {
        ApiResource {
            group: self.group.to_owned(),
            version: self.version.clone(),
            api_version: format!("{}/{}", self.group, self.version),
            kind: self.kind.to_owned(),
            plural: self.plural.to_owned(),
        }
    }

    fn findings(&self, keys: &BTreeSet<ObjectKey>) -> Vec<Diagnostic> {
        let message = format!("{}/{} is not served: {}", self.group, self.kind, self.way_out);
        let mut findings: Vec<_> = keys
            .iter()
            .take(MAX_NAMED)
            .map(|key| Diagnostic::warning(key.subject(self.kind), message.clone()))
            .collect();
        if keys.len() > MAX_NAMED {
            let more = format!("{} more are there, which are not named here: {message}", keys.len() - MAX_NAMED);
            findings.push(Diagnostic::warning(Subject::new(self.kind, "", "*"), more));
        }
        findings
    }
}

fn api(client: &Client, namespace: Option<&str>, resource: &ApiResource) -> Api<PartialObjectMeta<DynamicObject>> {
    match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, resource),
        None => Api::all_with(client.clone(), resource),
    }
}

/// Follows the objects of one kind that belong to this controller.
async fn objects(
    id: Id,
    mut watcher: Watcher<PartialObjectMeta<DynamicObject>>,
    class: Arc<str>,
    send: mpsc::Sender<Message>,
) {
    let mut list = BTreeSet::new();
    loop {
        let message = match watcher.next().await {
            WatchEvent::Event(Event::Init) => {
                list = BTreeSet::new();
                continue;
            }
            WatchEvent::Event(Event::InitApply(object)) => {
                if is_ours(&object.metadata, &class) {
                    list.insert(ObjectKey::of(&object.metadata));
                }
                continue;
            }
            WatchEvent::Event(Event::InitDone) => Message::Listed(id.clone(), std::mem::take(&mut list)),
            WatchEvent::Event(Event::Apply(object)) if is_ours(&object.metadata, &class) => {
                Message::Applied(id.clone(), ObjectKey::of(&object.metadata))
            }
            WatchEvent::Event(Event::Apply(object) | Event::Delete(object)) => {
                Message::Deleted(id.clone(), ObjectKey::of(&object.metadata))
            }
            WatchEvent::Absent => Message::Listed(id.clone(), BTreeSet::new()),
            WatchEvent::Forbidden(words) => Message::Forbidden(id.clone(), words),
        };
        if send.send(message).await.is_err() {
            return;
        }
    }
}

/// Follows the GatewayClasses, of which there are few.
async fn classes(id: Id, mut watcher: Watcher<DynamicObject>, send: mpsc::Sender<Message>) {
    let mut known = BTreeMap::new();
    let entry = |object: &DynamicObject| {
        let controller = object.data.pointer("/spec/controllerName").and_then(serde_json::Value::as_str);
        (object.metadata.name.clone().unwrap_or_default(), controller.unwrap_or_default().to_owned())
    };
    loop {
        let message = match watcher.next().await {
            WatchEvent::Event(Event::Init) => {
                known.clear();
                continue;
            }
            WatchEvent::Event(Event::InitApply(object)) => {
                known.extend([entry(&object)]);
                continue;
            }
            WatchEvent::Event(Event::InitDone) => Message::Classes(known.clone()),
            WatchEvent::Event(Event::Apply(object)) => {
                known.extend([entry(&object)]);
                Message::Classes(known.clone())
            }
            WatchEvent::Event(Event::Delete(object)) => {
                known.remove(&entry(&object).0);
                Message::Classes(known.clone())
            }
            WatchEvent::Absent => Message::Classes(BTreeMap::new()),
            WatchEvent::Forbidden(words) => Message::Forbidden(id.clone(), words),
        };
        if send.send(message).await.is_err() {
            return;
        }
    }
}

/// True for objects of our class, by Traefik's rule: an object that names a class is of that class only.
fn is_ours(metadata: &ObjectMeta, class: &str) -> bool {
    let named = metadata.annotations.as_ref().and_then(|all| all.get(CLASS)).map_or("", String::as_str);
    named.is_empty() || named == class || (class.is_empty() && named == DEFAULT_CLASS)
}
