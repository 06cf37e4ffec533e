//! The watches of cert-manager's kinds, of Ingresses, and of the proxy's own endpoints.

use super::Options;
use super::objects::{class, custom, ingress, namespace, version};
use super::replicas::{ReadySlice, Replicas};
use super::resource::resource;
use super::state::{Class, Names, Shared, SourceId, State};
use crate::view::endpoint_slice::SERVICE;
use crate::watch::lean::Lean;
use crate::watch::reader::{Change, Subscriber, reader};
use crate::watch::{Informers, Scope};
use flow_acme::objects::{
    ACME_GROUP, Certificate, CertificateRequest, Challenge, GROUP, HasMeta, Issuer, Key, Object, Order,
};
use flow_acme::planner::{NamespaceFacts, Objects, Settings};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::Ingress;
use kube::Api;
use kube::core::{ApiResource, DynamicObject};
use kube::runtime::watcher::Config;
use serde::de::DeserializeOwned;
use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

/// The name of the watch of Namespaces.
const NAMESPACE: &str = "Namespace";

/// The map of the view that holds a kind.
pub(super) type Map<T> = fn(&mut State) -> &mut Objects<T>;

/// The Secrets that an object of a kind names, on the leader or not.
pub(super) type NamesOf<T> = fn(&Key, &T, &Settings, bool) -> Names;

/// The map of a kind, and the Secrets that its objects name.
pub(super) type Of<T> = (Map<T>, NamesOf<T>);

pub(super) const ISSUERS: Of<Issuer> = (|state| &mut state.view.issuers, Names::of_issuer);
pub(super) const CERTIFICATES: Of<Certificate> = (|state| &mut state.view.certificates, Names::of_certificate);
pub(super) const REQUESTS: Of<CertificateRequest> = (|state| &mut state.view.requests, Names::of_request);
pub(super) const ORDERS: Of<Order> = (|state| &mut state.view.orders, |_, _, _, _| Names::default());
pub(super) const CHALLENGES: Of<Challenge> = (|state| &mut state.view.challenges, |_, _, _, _| Names::default());

impl State {
    /// Takes an object if it is new, or if `replaces` says so of the present version and its own. Returns true if it
    /// was taken.
    pub(super) fn apply<T: HasMeta>(
        &mut self,
        map: Map<T>,
        names: NamesOf<T>,
        object: T,
        settings: &Settings,
        replaces: fn(u64, u64) -> bool,
    ) -> bool {
        let key = object.meta().key();
        let present = map(self).get(&key).cloned();
        if present.as_ref().is_some_and(|present| !replaces(version(present.meta()), version(object.meta()))) {
            return false;
        }
        let old = present.map(|present| names(&key, &present, settings, self.leads)).unwrap_or_default();
        self.rename(old, names(&key, &object, settings, self.leads));
        map(self).insert(key, Arc::new(object));
        true
    }

    /// Removes an object. Returns true if it was there.
    pub(super) fn remove<T>(&mut self, map: Map<T>, names: NamesOf<T>, key: &Key, settings: &Settings) -> bool {
        let Some(gone) = map(self).remove(key) else { return false };
        self.rename(names(key, &gone, settings, self.leads), Names::default());
        true
    }
}

/// One watch, and the map that its objects go to.
struct Source<T> {
    id: SourceId,
    shared: Arc<Shared>,
    map: Map<T>,
    /// The Secrets that its objects name.
    names: NamesOf<T>,
    /// True if nothing is issued without it.
    needed: bool,
}

impl<T: HasMeta> Source<T> {
    /// True if this watch is responsible for a key; keys of the whole cluster have no namespace.
    fn owns(&self, key: &Key) -> bool {
        match (self.id.0, &*self.id.1) {
            ("ClusterIssuer" | "IngressClass" | NAMESPACE, _) => key.namespace.is_empty(),
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
        let mut gone: HashSet<Key> = (self.map)(state).keys().filter(|key| self.owns(key)).cloned().collect();
        for object in objects {
            gone.remove(&object.meta().key());
            // An unchanged object stays the same value: results derived from it stay with it.
            state.apply(self.map, self.names, object, &self.shared.settings, |present, listed| present != listed);
        }
        for key in gone {
            state.remove(self.map, self.names, &key, &self.shared.settings);
        }
    }

    fn applied(&self, object: T) {
        self.shared.change_if(|state| {
            // What was written here is known already.
            state.apply(self.map, self.names, object, &self.shared.settings, |present, read| present < read)
        });
    }

    fn deleted(&self, key: &Key) {
        self.shared.change_if(|state| state.remove(self.map, self.names, key, &self.shared.settings));
    }
}

impl<T: HasMeta + Send + Sync + 'static> Subscriber<T> for Source<T> {
    async fn handle(&mut self, change: Change<T>) -> ControlFlow<()> {
        match change {
            Change::Applied(object) => self.applied(object),
            Change::Deleted(key) => self.deleted(&Key::new(&*key.namespace, &*key.name)),
            Change::Listed(objects) => self.listed(objects),
            Change::Absent => self.absent(),
            Change::Forbidden(words) => {
                if self.id.0 == NAMESPACE && self.shared.state.lock().unlisted.contains(&self.id) {
                    tracing::warn!(
                        reason = words,
                        "limits of namespaces have no effect: Namespaces may not be watched"
                    );
                }
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
    fn custom<S, T>(
        &mut self,
        resource: &ApiResource,
        kind: &'static str,
        namespace: &str,
        (map, names): Of<Object<S, T>>,
    ) where
        S: DeserializeOwned + Send + Sync + 'static,
        T: DeserializeOwned + Default + Send + Sync + 'static,
    {
        let source = source(self.shared, (kind, namespace.to_owned()), (map, names), true);
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
fn source<T: HasMeta>(shared: &Arc<Shared>, id: SourceId, (map, names): Of<T>, needed: bool) -> Source<T> {
    shared.state.lock().unlisted.insert(id.clone());
    Source { id, shared: Arc::clone(shared), map, names, needed }
}

/// Subscribes to all kinds but Secrets.
pub(super) fn subscribe(informers: &mut Informers, options: &Options, shared: &Arc<Shared>) {
    let mut start = Start { informers, shared };
    let issuers = resource(GROUP, "ClusterIssuer", "clusterissuers");
    start.custom(&issuers, "ClusterIssuer", "", ISSUERS);
    for namespace in namespaces(options) {
        let namespace = namespace.as_str();
        start.custom(&resource(GROUP, "Issuer", "issuers"), "Issuer", namespace, ISSUERS);
        let certificates = resource(GROUP, "Certificate", "certificates");
        start.custom(&certificates, "Certificate", namespace, CERTIFICATES);
        let requests = resource(GROUP, "CertificateRequest", "certificaterequests");
        start.custom(&requests, "CertificateRequest", namespace, REQUESTS);
        start.custom(&resource(ACME_GROUP, "Order", "orders"), "Order", namespace, ORDERS);
        let challenges = resource(ACME_GROUP, "Challenge", "challenges");
        start.custom(&challenges, "Challenge", namespace, CHALLENGES);
    }
    let scope = |namespaces: &[String]| Scope {
        namespaces: namespaces.iter().map(|namespace| namespace.as_str().into()).collect(),
        ..Scope::default()
    };
    let facts = |lean: &Lean<Ingress>| ingress(&lean.0);
    informers.ingresses.subscribe(&scope(&options.namespaces), facts, |namespace| {
        let id = ("Ingress", namespace.as_deref().unwrap_or_default().to_owned());
        source(shared, id, (|state| &mut state.view.ingresses, |_, _, _, _| Names::default()), false)
    });
    let namespaces: Of<NamespaceFacts> = (|state| &mut state.view.namespaces, |_, _, _, _| Names::default());
    let limited = source(shared, (NAMESPACE, String::new()), namespaces, false);
    informers.watch(Api::<Namespace>::all(informers.client.clone()), Config::default(), reader(namespace, limited));
    if options.classes {
        informers.ingress_classes.subscribe(&Scope::default(), class, |_| {
            let of: Of<Class> = (|state| &mut state.classes, |_, _, _, _| Names::default());
            source(shared, ("IngressClass", String::new()), of, false)
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
