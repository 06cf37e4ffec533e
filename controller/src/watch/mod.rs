//! The watches of a cluster, and the view that they fill.
//!
//! Every kind is watched by one task, which turns the wire's structs into compact objects for each subscriber. Those of
//! routes are sent to the one owner of the view, [`Watch`]. A list is applied at once, never in part.

mod connection;
mod discovery;
mod inbox;
pub(crate) mod informer;
mod informers;
pub(crate) mod lean;
pub(crate) mod outage;
mod plan;
pub(crate) mod reader;
pub(crate) mod referenced;
mod scope;
mod slot;
mod unserved;
pub(crate) mod watcher;

#[cfg(test)]
mod tests;

pub(crate) use connection::Environment;
pub use connection::{ConnectError, Connection};
pub(crate) use informers::Informers;
pub(crate) use plan::Plan;
pub(crate) use scope::Scope;

use crate::view::service::ServiceType;
use crate::view::{Kind, Object, View};
use discovery::Served;
use flow_model::diagnostic::{Diagnostic, Subject};
use inbox::{Message, Resolved, ResolvedToView, SourceId, ToView};
use informer::follow;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::discovery::v1 as slices;
use k8s_openapi::api::networking::v1 as networking;
use kube::core::DynamicObject;
use kube::runtime::watcher::Config;
use kube::{Api, Client};
use lean::Lean;
use outage::Outage;
use reader::{Change, Reader, reader};
use referenced::Lookups;
use std::collections::btree_map::{BTreeMap, Entry};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;
use tracing::{info, warn};
use unserved::UnservedWatches;
use watcher::{Watched, Watcher};

/// The number of messages that may wait for the owner of the view before the watches are paused.
const INBOX_SIZE: usize = 256;
/// The number of messages that are handled at once.
const MAX_BATCH: usize = 4096;
/// The annotation of a Service whose backends are the nodes' ports.
const NODE_PORT_OPTION: &str = "service.nodeportlb";

/// The watches of one cluster and the view that they fill.
pub(crate) struct Watch {
    /// The known objects of the cluster.
    pub(crate) view: View,
    plan: Plan,
    client: Client,
    outage: Outage,
    tasks: JoinSet<()>,
    inbox: (mpsc::Sender<Message>, mpsc::Receiver<Message>),
    resolved: (mpsc::Sender<Resolved>, mpsc::Receiver<Resolved>),
    served: watch::Receiver<Option<Served>>,
    /// True once the served custom kinds are known and their watches were started.
    discovered: bool,
    /// Watches that have not brought their first list.
    unlisted: HashSet<SourceId>,
    /// The running watches of custom kinds.
    custom: HashMap<SourceId, AbortHandle>,
    nodes: bool,
    lookups: Lookups,
    /// Findings about kinds that could not be watched, by the kind's name, kind and namespace.
    problems: BTreeMap<(&'static str, Kind, Option<Arc<str>>), Diagnostic>,
    problems_changed: bool,
    unserved: UnservedWatches,
}

impl Watch {
    /// Subscribes to everything of `plan`, and starts what is watched for routes only, on the current runtime.
    pub(crate) fn new(plan: Plan, informers: &mut Informers) -> Self {
        let (send_served, served) = watch::channel(None);
        let (client, outage) = (informers.client.clone(), informers.outage.clone());
        let mut this = Self {
            view: View::default(),
            unserved: UnservedWatches::new(client.clone(), outage.clone(), &plan),
            client,
            outage,
            tasks: JoinSet::new(),
            inbox: mpsc::channel(INBOX_SIZE),
            resolved: mpsc::channel(INBOX_SIZE),
            served,
            discovered: plan.custom.is_none(),
            unlisted: HashSet::new(),
            custom: HashMap::new(),
            nodes: false,
            lookups: Lookups::default(),
            problems: BTreeMap::new(),
            problems_changed: false,
            plan,
        };
        this.subscribe(informers);
        if this.plan.custom.is_some() {
            this.tasks.spawn(discovery::discover(this.client.clone(), this.outage.clone(), send_served));
        }
        this
    }

    fn subscribe(&mut self, informers: &mut Informers) {
        if let Some(scope) = self.plan.ingress.clone() {
            let read = |o: &Lean<networking::Ingress>| Some(Object::Ingress((&o.0).into()));
            informers.ingresses.subscribe(&scope, read, |namespace| self.subscription(Kind::Ingress, namespace));
            if self.plan.classes {
                let (all, read) =
                    (Scope::default(), |o: &networking::IngressClass| Some(Object::IngressClass(o.into())));
                informers.ingress_classes.subscribe(&all, read, |_| self.subscription(Kind::IngressClass, None));
            }
        }
        let service = |o: &Lean<core::Service>| Some(Object::Service((&o.0).into()));
        if let Some(shared) = self.plan.shared() {
            informers.services.subscribe(&shared, service, |namespace| self.subscription(Kind::Service, namespace));
            let slice = |o: &Lean<slices::EndpointSlice>| Some(Object::EndpointSlice((&o.0).into()));
            informers
                .endpoint_slices
                .subscribe(&shared, slice, |namespace| self.subscription(Kind::EndpointSlice, namespace));
            let secrets = ResolvedToView { kind: Kind::Secret, send: self.resolved.0.clone() };
            let read = |o: &core::Secret| Object::Secret(o.into());
            let lookups = informers.secrets.subscribe(&shared.namespaces, None, read, move |_| secrets.clone());
            self.lookups.add(Kind::Secret, lookups);
            if self.plan.custom.is_some() {
                let config_maps = ResolvedToView { kind: Kind::ConfigMap, send: self.resolved.0.clone() };
                let read = |o: &core::ConfigMap| Object::ConfigMap(o.into());
                let informer = &mut informers.config_maps;
                let lookups = informer.subscribe(&shared.namespaces, None, read, move |_| config_maps.clone());
                self.lookups.add(Kind::ConfigMap, lookups);
            }
        }
        if let Some(key) = self.plan.published_elsewhere().cloned() {
            let config = Config::default().fields(&format!("metadata.name={}", key.name));
            let api = Api::namespaced(self.client.clone(), &key.namespace);
            let subscription = self.subscription(Kind::Service, Some(key.namespace));
            informers.watch(api, config, reader(service, subscription));
        }
    }

    /// Returns a subscription whose first list is waited for.
    fn subscription(&mut self, kind: Kind, namespace: Option<Arc<str>>) -> ToView {
        let source = SourceId { kind, namespace };
        self.unlisted.insert(source.clone());
        ToView { source, send: self.inbox.0.clone() }
    }

    /// Starts a watch of a kind that only routes need, and not from the beginning.
    fn follow<K: Watched>(&mut self, api: Api<K>, config: Config, reader: Box<dyn Reader<K>>) -> AbortHandle {
        self.tasks.spawn(follow(Watcher::new(api, config, &self.outage), reader))
    }

    /// Waits for messages and handles all that there are. Changes are recorded in the view and in
    /// [`Self::take_problems_changed`]. May be dropped before it is ready without losing any.
    pub(crate) async fn changed(&mut self) {
        tokio::select! {
            Some(message) = self.inbox.1.recv() => self.apply(message),
            Some(resolved) = self.resolved.1.recv() => self.apply_resolved(resolved),
            Ok(()) = self.served.changed() => self.follow_served(),
            () = self.unserved.changed() => {}
        }
        for _ in 0..MAX_BATCH {
            if let Ok(message) = self.inbox.1.try_recv() {
                self.apply(message);
            } else if let Ok(resolved) = self.resolved.1.try_recv() {
                self.apply_resolved(resolved);
            } else {
                break;
            }
        }
        let fresh = self.view.take_wanted();
        self.lookups.ask(fresh, || self.view.wanted().cloned().collect());
    }

    /// True once everything was listed and everything named was looked up.
    pub(crate) fn is_synced(&self) -> bool {
        self.discovered && self.unlisted.is_empty() && self.lookups.pending_since().is_none()
    }

    /// Returns the kinds that have not been listed yet, in words.
    pub(crate) fn missing(&self) -> String {
        let mut kinds: Vec<_> = self.unlisted.iter().map(|source| source.kind.name()).collect();
        kinds.extend((!self.discovered).then_some("the custom kinds that are served"));
        kinds.extend(self.lookups.pending_since().map(|_| "Secrets or ConfigMaps that are named"));
        kinds.sort_unstable();
        kinds.dedup();
        kinds.join(", ")
    }

    /// Returns the time since which the oldest lookup of a named object waits.
    pub(crate) fn pending_since(&self) -> Option<Instant> {
        self.lookups.pending_since()
    }

    /// Returns findings about kinds that could not be watched, and about objects that are not served.
    pub(crate) fn problems(&self) -> impl Iterator<Item = &Diagnostic> {
        self.problems.values().chain(self.unserved.diagnostics())
    }

    /// True if [`Self::problems`] changed since the last call.
    pub(crate) fn take_problems_changed(&mut self) -> bool {
        let unserved = self.unserved.take_changed();
        std::mem::take(&mut self.problems_changed) || unserved
    }

    fn apply(&mut self, Message { source, change }: Message) {
        match change {
            Change::Applied(object) => {
                self.want_nodes(&object);
                self.view.apply(object);
            }
            Change::Deleted(key) => {
                self.view.delete(source.kind, &key);
            }
            Change::Listed(objects) => self.apply_list(source, objects),
            Change::Absent => self.apply_list(source, Vec::new()),
            Change::Forbidden(words) => {
                self.unlisted.remove(&source);
                self.problem(source.kind, source.namespace, &words);
            }
        }
    }

    fn apply_list(&mut self, source: SourceId, objects: Vec<Object>) {
        self.unlisted.remove(&source);
        self.solved(source.kind, source.namespace.as_ref());
        for object in &objects {
            self.want_nodes(object);
        }
        self.view.replace(source.kind, source.namespace.as_deref(), objects);
    }

    fn apply_resolved(&mut self, Resolved { kind, key, found }: Resolved) {
        match found {
            Ok(object) => {
                match object {
                    Some(object) => self.view.apply(object),
                    None => self.view.delete(kind, &key),
                };
                self.solved(kind, Some(&key.namespace));
            }
            Err(words) => {
                self.view.delete(kind, &key);
                self.problem(kind, Some(key.namespace.clone()), &words);
            }
        }
        self.lookups.resolved(kind, key);
    }

    /// Starts and ends the watches of custom kinds as they come and go.
    fn follow_served(&mut self) {
        let Some(served) = self.served.borrow_and_update().clone() else { return };
        self.discovered = true;
        let Some(scope) = self.plan.custom.clone() else { return };
        let mut wanted = HashSet::new();
        self.unserved.follow(&served.unserved);
        for kind in served.custom {
            for namespace in scope.watched() {
                wanted.insert(SourceId { kind, namespace });
            }
        }
        let gone: Vec<_> = self.custom.keys().filter(|source| !wanted.contains(source)).cloned().collect();
        for source in gone {
            if let Some(task) = self.custom.remove(&source) {
                task.abort();
            }
            info!(kind = source.kind.name(), "the cluster serves this kind no longer");
            self.apply_list(source, Vec::new());
        }
        for source in wanted {
            if !self.custom.contains_key(&source) {
                let task = self.follow_custom(source.clone(), scope.selector());
                self.custom.insert(source, task);
            }
        }
    }

    fn follow_custom(&mut self, source: SourceId, labels: Option<String>) -> AbortHandle {
        let (kind, resource) = (source.kind, source.kind.api_resource());
        let api = match &source.namespace {
            Some(namespace) => Api::<DynamicObject>::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        };
        let config = Config { label_selector: labels, ..Config::default() };
        let read = move |object: &DynamicObject| {
            let spec = object.data.get("spec").cloned().unwrap_or_default();
            Object::custom(kind, &object.metadata, spec)
        };
        let subscription = self.subscription(source.kind, source.namespace);
        self.follow(api, config, reader(read, subscription))
    }

    /// Starts to watch Nodes with the first Service that needs their addresses.
    fn want_nodes(&mut self, object: &Object) {
        let Object::Service(service) = object else { return };
        if self.nodes || !self.plan.nodes || service.kind != ServiceType::NodePort {
            return;
        }
        let option = service.annotations.options().any(|(name, _)| name.eq_ignore_ascii_case(NODE_PORT_OPTION));
        if option || self.plan.published.as_ref() == Some(&service.key) {
            self.nodes = true;
            let subscription = self.subscription(Kind::Node, None);
            let read = |node: &core::Node| Some(Object::Node(node.into()));
            self.follow(Api::all(self.client.clone()), Config::default(), reader(read, subscription));
        }
    }

    fn problem(&mut self, kind: Kind, namespace: Option<Arc<str>>, words: &str) {
        let (name, resource) = (kind.name(), kind.resource());
        let place = namespace.as_deref().map_or_else(String::new, |namespace| format!(" in {namespace}"));
        let message =
            format!("None is read{place}: grant get, list and watch on {resource} (the API server says: {words})");
        let subject = Subject::new(name, namespace.as_deref().unwrap_or_default(), "*");
        let diagnostic = Diagnostic::error(subject, message);
        if let Entry::Vacant(entry) = self.problems.entry((name, kind, namespace)) {
            warn!(kind = name, "{}", diagnostic.message);
            entry.insert(diagnostic);
            self.problems_changed = true;
        }
    }

    fn solved(&mut self, kind: Kind, namespace: Option<&Arc<str>>) {
        if !self.problems.is_empty() && self.problems.remove(&(kind.name(), kind, namespace.cloned())).is_some() {
            self.problems_changed = true;
        }
    }
}
