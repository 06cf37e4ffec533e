//! The proxy's own replicas, from the EndpointSlices of its Service.

use super::state::{Shared, SourceId};
use crate::view::endpoint_slice::SERVICE;
use crate::watch::lean::Lean;
use crate::watch::reader::{Change, Subscriber};
use crate::watch::{Informers, Scope};
use flow_acme::objects::Key;
use flow_acme::store::{Replica, StoreError};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::ControlFlow;
use std::sync::Arc;

/// Ports that the CA's validation reaches, in the order of preference.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Ports {
    /// Plain entry points: name and port.
    pub http: Vec<(String, u16)>,
    /// Entry points with TLS: name and port.
    pub https: Vec<(String, u16)>,
}

/// Returns the port of a slice that is one of `wanted`: by name, else by number.
fn port(slice: &EndpointSlice, wanted: &[(String, u16)]) -> Option<u16> {
    let ports = slice.ports.as_deref().unwrap_or_default();
    let number = |port: &k8s_openapi::api::discovery::v1::EndpointPort| port.port.and_then(|p| u16::try_from(p).ok());
    let named = wanted.iter().find_map(|(name, _)| ports.iter().find(|port| port.name.as_ref() == Some(name)));
    let numbered = || wanted.iter().find_map(|(_, wanted)| ports.iter().find(|port| number(port) == Some(*wanted)));
    named.or_else(numbered).and_then(number)
}

/// Returns the replicas of a slice that are ready.
fn of_slice(slice: &EndpointSlice, ports: &Ports) -> Vec<Replica> {
    let Some(http) = port(slice, &ports.http) else { return Vec::new() };
    let https = port(slice, &ports.https);
    let ready = slice
        .endpoints
        .iter()
        .flatten()
        .filter(|endpoint| endpoint.conditions.as_ref().and_then(|conditions| conditions.ready).unwrap_or(true));
    let replicas = ready.flat_map(|endpoint| {
        let pod = endpoint.target_ref.as_ref().and_then(|target| target.name.clone());
        endpoint.addresses.iter().filter_map(move |address| {
            let ip: IpAddr = address.parse().ok()?;
            Some(Replica {
                name: pod.clone().unwrap_or_else(|| address.clone()),
                http: SocketAddr::new(ip, http),
                https: https.map(|port| SocketAddr::new(ip, port)),
            })
        })
    });
    replicas.collect()
}

/// A slice of the Service: its key, and its ready replicas.
pub(crate) struct ReadySlice(Key, Vec<Replica>);

impl ReadySlice {
    pub(super) fn of(slice: &EndpointSlice, ports: &Ports) -> Self {
        let metadata = &slice.metadata;
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        Self(Key::new(text(&metadata.namespace), text(&metadata.name)), of_slice(slice, ports))
    }
}

/// The replicas behind a Service, as a subscription of their own keeps them.
#[derive(Clone, Debug)]
pub(crate) struct ReplicaTable(Arc<Mutex<Slices>>);

#[derive(Debug)]
enum Slices {
    Unlisted,
    Forbidden,
    Listed(BTreeMap<Key, Vec<Replica>>),
}

impl ReplicaTable {
    /// Subscribes to the slices of a Service, given by namespace and name.
    pub(crate) fn subscribe(informers: &mut Informers, service: &(String, String), ports: &Ports) -> Self {
        let table = Self(Arc::new(Mutex::new(Slices::Unlisted)));
        let (namespace, name) = service;
        let scope = Scope { labels: format!("{SERVICE}={name}"), namespaces: vec![namespace.as_str().into()] };
        let ports = ports.clone();
        let read = move |slice: &Lean<EndpointSlice>| Some(ReadySlice::of(&slice.0, &ports));
        informers.endpoint_slices.subscribe(&scope, read, |_| table.clone());
        table
    }

    /// Returns all that are ready.
    pub(crate) fn all(&self) -> Result<flow_acme::store::Replicas, StoreError> {
        match &*self.0.lock() {
            Slices::Unlisted => {
                Err(StoreError::Refused("the EndpointSlices of the published Service are not known yet".to_owned()))
            }
            Slices::Forbidden => Err(forbidden()),
            Slices::Listed(slices) => Ok(ready(slices)),
        }
    }
}

/// The error of a Service whose endpoints may not be watched.
pub(super) fn forbidden() -> StoreError {
    let words = "the EndpointSlices of the published Service may not be watched: grant list and watch on them";
    StoreError::Refused(words.to_owned())
}

/// Returns every replica of the slices once.
pub(super) fn ready(slices: &BTreeMap<Key, Vec<Replica>>) -> flow_acme::store::Replicas {
    let mut all: Vec<_> = slices.values().flatten().cloned().collect();
    all.sort_by(|a, b| (a.http, &a.name).cmp(&(b.http, &b.name)));
    all.dedup_by_key(|replica| replica.http);
    flow_acme::store::Replicas::All(all)
}

impl Subscriber<ReadySlice> for ReplicaTable {
    async fn handle(&mut self, change: Change<ReadySlice>) -> ControlFlow<()> {
        let mut known = self.0.lock();
        match change {
            Change::Applied(ReadySlice(key, replicas)) => match &mut *known {
                Slices::Listed(slices) => drop(slices.insert(key, replicas)),
                Slices::Unlisted | Slices::Forbidden => {
                    *known = Slices::Listed(BTreeMap::from([(key, replicas)]));
                }
            },
            Change::Deleted(key) => {
                if let Slices::Listed(slices) = &mut *known {
                    slices.remove(&Key::new(&*key.namespace, &*key.name));
                }
            }
            Change::Listed(slices) => {
                let slices = slices.into_iter().map(|ReadySlice(key, replicas)| (key, replicas));
                *known = Slices::Listed(slices.collect());
            }
            Change::Absent | Change::Forbidden(_) => *known = Slices::Forbidden,
        }
        ControlFlow::Continue(())
    }
}

/// The subscription to the slices of the Service.
pub(super) struct Replicas {
    id: SourceId,
    shared: Arc<Shared>,
}

impl Replicas {
    /// Returns the subscription in the namespace of the Service; its first list is waited for.
    pub(super) fn new(namespace: &str, shared: &Arc<Shared>) -> Self {
        let id = ("EndpointSlice", namespace.to_owned());
        shared.state.lock().unlisted.insert(id.clone());
        Self { id, shared: Arc::clone(shared) }
    }

    fn listed(&self, slices: Option<BTreeMap<Key, Vec<Replica>>>) {
        self.shared.change(|state| {
            state.unlisted.remove(&self.id);
            state.slices = slices;
        });
    }
}

impl Subscriber<ReadySlice> for Replicas {
    async fn handle(&mut self, change: Change<ReadySlice>) -> ControlFlow<()> {
        match change {
            Change::Applied(ReadySlice(key, replicas)) => self.shared.change(|state| {
                state.slices.get_or_insert_default().insert(key, replicas);
            }),
            Change::Deleted(key) => self.shared.change_if(|state| {
                let key = Key::new(&*key.namespace, &*key.name);
                state.slices.as_mut().is_some_and(|slices| slices.remove(&key).is_some())
            }),
            Change::Listed(slices) => {
                self.listed(Some(slices.into_iter().map(|ReadySlice(key, replicas)| (key, replicas)).collect()));
            }
            Change::Absent | Change::Forbidden(_) => self.listed(None),
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::json;

    fn slice(ports: serde_json::Value) -> EndpointSlice {
        serde_json::from_value(json!({
            "addressType": "IPv4", "metadata": { "name": "s" }, "ports": ports,
            "endpoints": [
                { "addresses": ["10.0.0.1"], "conditions": { "ready": true }, "targetRef": { "kind": "Pod", "name": "a" } },
                { "addresses": ["10.0.0.2"], "conditions": { "ready": false } },
                { "addresses": ["10.0.0.3"] },
            ],
        }))
        .unwrap()
    }

    fn ports() -> Ports {
        Ports { http: vec![("web".to_owned(), 8000)], https: vec![("websecure".to_owned(), 8443)] }
    }

    #[test]
    fn ready_endpoints_by_the_name_of_the_port() {
        let found =
            of_slice(&slice(json!([{ "name": "websecure", "port": 1443 }, { "name": "web", "port": 1080 }])), &ports());
        let expected = Replica {
            name: "a".to_owned(),
            http: "10.0.0.1:1080".parse().unwrap(),
            https: Some("10.0.0.1:1443".parse().unwrap()),
        };
        assert_eq!(found.first(), Some(&expected));
        assert_eq!(found.iter().map(|r| r.name.as_str()).collect::<Vec<_>>(), ["a", "10.0.0.3"]);
    }

    #[test]
    fn else_by_its_number_and_without_one_there_is_nobody() {
        let found = of_slice(&slice(json!([{ "name": "http", "port": 8000 }])), &ports());
        assert_eq!(found.first().map(|r| (r.http.port(), r.https)), Some((8000, None)));
        assert!(of_slice(&slice(json!([{ "name": "metrics", "port": 9100 }])), &ports()).is_empty());
    }
}
