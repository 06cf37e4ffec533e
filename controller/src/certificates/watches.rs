//! The watches of cert-manager's kinds, of Ingresses, and of the proxy's own endpoints.

use super::Options;
use super::objects::{class, custom, ingress, meta, version};
use super::replicas;
use super::state::{Class, Shared, SourceId, State};
use crate::watch::lean::Lean;
use crate::watch::outage::Outage;
use crate::watch::watcher::{WatchEvent, Watched, Watcher};
use flow_acme::objects::{ACME_GROUP, GROUP, Key, Meta, Object, VERSION};
use flow_acme::planner::IngressFacts;
use k8s_openapi::api::networking::v1::{Ingress, IngressClass};
use kube::core::{ApiResource, DynamicObject};
use kube::runtime::watcher::{Config, Event};
use kube::{Api, Client};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Returns a custom kind's resource.
pub(super) fn resource(group: &str, kind: &str, plural: &str) -> ApiResource {
    ApiResource {
        group: group.to_owned(),
        version: VERSION.to_owned(),
        api_version: format!("{group}/{VERSION}"),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
    }
}

/// An object with metadata.
pub(super) trait Known: Send + Sync + 'static {
    fn meta(&self) -> &Meta;
}

impl<S: Send + Sync + 'static, T: Send + Sync + 'static> Known for Object<S, T> {
    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

impl Known for Class {
    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

impl Known for IngressFacts {
    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

/// The map of the view that holds a kind.
type Map<T> = fn(&mut State) -> &mut BTreeMap<Key, Arc<T>>;

/// One watch, and the map that its objects go to.
struct Source<T> {
    id: SourceId,
    shared: Arc<Shared>,
    map: Map<T>,
    /// True if its objects name Secrets.
    names: bool,
    /// True if nothing is issued without it.
    needed: bool,
}

impl<T: Known> Source<T> {
    /// True if this watch is responsible for a key; keys of the whole cluster have no namespace.
    fn owns(&self, key: &Key) -> bool {
        match (self.id.0, &*self.id.1) {
            ("ClusterIssuer" | "IngressClass", _) => key.namespace.is_empty(),
            (_, "") => !key.namespace.is_empty(),
            (_, namespace) => key.namespace == namespace,
        }
    }

    fn listed(&self, objects: Vec<T>, absent: bool) {
        self.shared.change(|state| {
            state.unlisted.remove(&self.id);
            if absent && self.needed {
                state.absent.insert(self.id.clone());
            } else {
                state.absent.remove(&self.id);
            }
            state.names_changed |= self.names;
            let map = (self.map)(state);
            let mut old = std::mem::take(map);
            old.retain(|key, object| {
                let ours = self.owns(key);
                if !ours {
                    map.insert(key.clone(), Arc::clone(object));
                }
                ours
            });
            for object in objects {
                let key = object.meta().key();
                // An unchanged object stays the same value: results derived from it stay with it.
                let kept =
                    old.remove(&key).filter(|kept| kept.meta().resource_version == object.meta().resource_version);
                map.insert(key, kept.unwrap_or_else(|| Arc::new(object)));
            }
        });
    }

    fn applied(&self, object: T) {
        self.shared.change(|state| {
            state.names_changed |= self.names;
            let map = (self.map)(state);
            let key = object.meta().key();
            let newer = map.get(&key).is_none_or(|present| version(present.meta()) <= version(object.meta()));
            if newer {
                map.insert(key, Arc::new(object));
            }
        });
    }

    fn deleted(&self, key: &Key) {
        self.shared.change(|state| {
            state.names_changed |= self.names;
            (self.map)(state).remove(key);
        });
    }

    async fn follow<K: Watched>(self, mut watcher: Watcher<K>, read: impl Fn(K) -> Option<T> + Send) {
        let mut list = Vec::new();
        loop {
            match watcher.next().await {
                WatchEvent::Event(Event::Init) => list = Vec::new(),
                WatchEvent::Event(Event::InitApply(object)) => list.extend(read(object)),
                WatchEvent::Event(Event::InitDone) => self.listed(std::mem::take(&mut list), false),
                WatchEvent::Event(Event::Apply(object)) => {
                    let key = meta(object.meta().clone()).key();
                    match read(object) {
                        Some(object) => self.applied(object),
                        None => self.deleted(&key),
                    }
                }
                WatchEvent::Event(Event::Delete(object)) => self.deleted(&meta(object.meta().clone()).key()),
                WatchEvent::Absent => self.listed(Vec::new(), true),
                WatchEvent::Forbidden(words) => {
                    if self.needed {
                        tracing::warn!(
                            kind = self.id.0,
                            reason = words,
                            "no certificates are issued: this kind may not be watched"
                        );
                    }
                    self.listed(Vec::new(), true);
                }
            }
        }
    }
}

/// Returns the namespaces of single watches; an empty one is all.
pub(super) fn namespaces(options: &Options) -> Vec<String> {
    if options.namespaces.is_empty() { vec![String::new()] } else { options.namespaces.clone() }
}

struct Start<'a> {
    client: &'a Client,
    outage: &'a Outage,
    shared: &'a Arc<Shared>,
    tasks: &'a mut JoinSet<()>,
}

impl Start<'_> {
    fn source<T: Known>(&mut self, id: SourceId, map: Map<T>, needed: bool) -> Source<T> {
        self.shared.state.lock().unlisted.insert(id.clone());
        let names = matches!(id.0, "Certificate" | "Issuer" | "ClusterIssuer");
        Source { id, shared: Arc::clone(self.shared), map, names, needed }
    }

    fn custom<S, T>(&mut self, resource: &ApiResource, kind: &'static str, namespace: &str, map: Map<Object<S, T>>)
    where
        S: DeserializeOwned + Send + Sync + 'static,
        T: DeserializeOwned + Default + Send + Sync + 'static,
    {
        let source = self.source((kind, namespace.to_owned()), map, true);
        let api: Api<DynamicObject> = if namespace.is_empty() {
            Api::all_with(self.client.clone(), resource)
        } else {
            Api::namespaced_with(self.client.clone(), namespace, resource)
        };
        let watcher = Watcher::new(api, Config::default(), self.outage);
        self.tasks.spawn(source.follow(watcher, custom::<S, T>));
    }
}

/// Starts the watches.
pub(super) fn start(
    client: &Client,
    options: &Options,
    outage: &Outage,
    shared: &Arc<Shared>,
    tasks: &mut JoinSet<()>,
) {
    let mut start = Start { client, outage, shared, tasks };
    let issuers = resource(GROUP, "ClusterIssuer", "clusterissuers");
    start.custom(&issuers, "ClusterIssuer", "", |state| &mut state.view.issuers);
    for namespace in namespaces(options) {
        let namespace = namespace.as_str();
        start.custom(&resource(GROUP, "Issuer", "issuers"), "Issuer", namespace, |s| &mut s.view.issuers);
        let certificates = resource(GROUP, "Certificate", "certificates");
        start.custom(&certificates, "Certificate", namespace, |s| &mut s.view.certificates);
        let requests = resource(GROUP, "CertificateRequest", "certificaterequests");
        start.custom(&requests, "CertificateRequest", namespace, |s| &mut s.view.requests);
        start.custom(&resource(ACME_GROUP, "Order", "orders"), "Order", namespace, |s| &mut s.view.orders);
        let challenges = resource(ACME_GROUP, "Challenge", "challenges");
        start.custom(&challenges, "Challenge", namespace, |s| &mut s.view.challenges);
        let source = start.source(("Ingress", namespace.to_owned()), |s| &mut s.view.ingresses, false);
        let api: Api<Lean<Ingress>> =
            if namespace.is_empty() { Api::all(client.clone()) } else { Api::namespaced(client.clone(), namespace) };
        start
            .tasks
            .spawn(source.follow(Watcher::new(api, Config::default(), outage), |lean: Lean<Ingress>| ingress(lean.0)));
    }
    if options.classes {
        let source = start.source(("IngressClass", String::new()), |state| &mut state.classes, false);
        let watcher = Watcher::new(Api::<IngressClass>::all(client.clone()), Config::default(), outage);
        start.tasks.spawn(source.follow(watcher, class));
    }
    if let Some((namespace, name)) = &options.service {
        let id = ("EndpointSlice", namespace.clone());
        shared.state.lock().unlisted.insert(id.clone());
        let api = Api::namespaced(client.clone(), namespace);
        let config = Config::default().labels(&format!("kubernetes.io/service-name={name}"));
        let watcher = Watcher::new(api, config, outage);
        start.tasks.spawn(replicas::follow(id, watcher, options.ports.clone(), Arc::clone(shared)));
    }
}
