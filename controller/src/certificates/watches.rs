//! The watches of cert-manager's kinds, of Ingresses, and of the proxy's own endpoints.

use super::Options;
use super::objects::{class, custom, ingress, version};
use super::replicas::{ReadySlice, Replicas};
use super::resource::resource;
use super::state::{Class, Shared, SourceId, State};
use crate::view::endpoint_slice::SERVICE;
use crate::watch::lean::Lean;
use crate::watch::reader::{Change, Subscriber, reader};
use crate::watch::{Informers, Scope};
use flow_acme::objects::{ACME_GROUP, GROUP, Key, Meta, Object};
use flow_acme::planner::IngressFacts;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::Ingress;
use kube::Api;
use kube::core::{ApiResource, DynamicObject};
use kube::runtime::watcher::Config;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

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

    fn listed(&self, objects: Vec<T>) {
        self.shared.change(|state| {
            state.absent.remove(&self.id);
            self.replace(state, objects);
        });
    }

    /// Handles that there is none, because the kind is not served or may not be watched.
    fn absent(&self) {
        self.shared.change(|state| {
            if self.needed {
                state.absent.insert(self.id.clone());
            }
            self.replace(state, Vec::new());
        });
    }

    fn replace(&self, state: &mut State, objects: Vec<T>) {
        state.unlisted.remove(&self.id);
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
            let kept = old.remove(&key).filter(|kept| kept.meta().resource_version == object.meta().resource_version);
            map.insert(key, kept.unwrap_or_else(|| Arc::new(object)));
        }
    }

    fn applied(&self, object: T) {
        self.shared.change_if(|state| {
            let map = (self.map)(state);
            let key = object.meta().key();
            let newer = map.get(&key).is_none_or(|present| version(present.meta()) <= version(object.meta()));
            if newer {
                map.insert(key, Arc::new(object));
                state.names_changed |= self.names;
            }
            newer
        });
    }

    fn deleted(&self, key: &Key) {
        self.shared.change_if(|state| {
            let known = (self.map)(state).remove(key).is_some();
            state.names_changed |= known && self.names;
            known
        });
    }
}

impl<T: Known> Subscriber<T> for Source<T> {
    async fn handle(&mut self, change: Change<T>) -> ControlFlow<()> {
        match change {
            Change::Applied(object) => self.applied(object),
            Change::Deleted(key) => self.deleted(&Key::new(&*key.namespace, &*key.name)),
            Change::Listed(objects) => self.listed(objects),
            Change::Absent => self.absent(),
            Change::Forbidden(words) => {
                if self.needed {
                    tracing::warn!(
                        kind = self.id.0,
                        reason = words,
                        "no certificates are issued: this kind may not be watched"
                    );
                }
                self.absent();
            }
        }
        ControlFlow::Continue(())
    }
}

/// Returns the namespaces of single watches; an empty one is all.
fn namespaces(options: &Options) -> Vec<String> {
    if options.namespaces.is_empty() { vec![String::new()] } else { options.namespaces.clone() }
}

struct Start<'a> {
    informers: &'a mut Informers,
    shared: &'a Arc<Shared>,
}

impl Start<'_> {
    fn custom<S, T>(&mut self, resource: &ApiResource, kind: &'static str, namespace: &str, map: Map<Object<S, T>>)
    where
        S: DeserializeOwned + Send + Sync + 'static,
        T: DeserializeOwned + Default + Send + Sync + 'static,
    {
        let source = source(self.shared, (kind, namespace.to_owned()), map, true);
        let client = self.informers.client.clone();
        let api: Api<DynamicObject> = if namespace.is_empty() {
            Api::all_with(client, resource)
        } else {
            Api::namespaced_with(client, namespace, resource)
        };
        self.informers.watch(api, Config::default(), reader(custom::<S, T>, source));
    }
}

/// Returns a watch whose first list is waited for.
fn source<T: Known>(shared: &Arc<Shared>, id: SourceId, map: Map<T>, needed: bool) -> Source<T> {
    shared.state.lock().unlisted.insert(id.clone());
    let names = matches!(id.0, "Certificate" | "Issuer" | "ClusterIssuer");
    Source { id, shared: Arc::clone(shared), map, names, needed }
}

/// Subscribes to all kinds but Secrets.
pub(super) fn subscribe(informers: &mut Informers, options: &Options, shared: &Arc<Shared>) {
    let mut start = Start { informers, shared };
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
    }
    let scope = |namespaces: &[String]| Scope {
        namespaces: namespaces.iter().map(|namespace| namespace.as_str().into()).collect(),
        ..Scope::default()
    };
    let facts = |lean: &Lean<Ingress>| ingress(&lean.0);
    informers.ingresses.subscribe(&scope(&options.namespaces), facts, |namespace| {
        let id = ("Ingress", namespace.as_deref().unwrap_or_default().to_owned());
        source(shared, id, |state| &mut state.view.ingresses, false)
    });
    if options.classes {
        informers.ingress_classes.subscribe(&Scope::default(), class, |_| {
            source(shared, ("IngressClass", String::new()), |state| &mut state.classes, false)
        });
    }
    if let Some((namespace, name)) = &options.service {
        let labels = format!("{SERVICE}={name}");
        let scope = Scope { labels, ..scope(std::slice::from_ref(namespace)) };
        let ports = options.ports.clone();
        let read = move |slice: &Lean<EndpointSlice>| Some(ReadySlice::of(&slice.0, &ports));
        informers.endpoint_slices.subscribe(&scope, read, |_| Replicas::new(namespace, shared));
    }
}
