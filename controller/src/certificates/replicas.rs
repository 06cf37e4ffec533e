//! The proxy's own replicas, from the EndpointSlices of its Service.

use super::objects::meta;
use super::state::{Shared, SourceId};
use crate::watch::lean::Lean;
use crate::watch::watcher::{WatchEvent, Watcher};
use flow_acme::objects::Key;
use flow_acme::store::Replica;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::watcher::Event;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
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

/// Follows the slices of the Service.
pub(super) async fn follow(id: SourceId, mut watcher: Watcher<Lean<EndpointSlice>>, ports: Ports, shared: Arc<Shared>) {
    let mut list = BTreeMap::new();
    let key = |slice: &EndpointSlice| -> Key { meta(slice.metadata.clone()).key() };
    loop {
        match watcher.next().await {
            WatchEvent::Event(Event::Init) => list = BTreeMap::new(),
            WatchEvent::Event(Event::InitApply(Lean(slice))) => {
                list.insert(key(&slice), of_slice(&slice, &ports));
            }
            WatchEvent::Event(Event::InitDone) => {
                let list = std::mem::take(&mut list);
                shared.change(|state| {
                    state.unlisted.remove(&id);
                    state.slices = Some(list);
                });
            }
            WatchEvent::Event(Event::Apply(Lean(slice))) => {
                let (key, replicas) = (key(&slice), of_slice(&slice, &ports));
                shared.change(|state| {
                    state.slices.get_or_insert_default().insert(key, replicas);
                });
            }
            WatchEvent::Event(Event::Delete(Lean(slice))) => shared.change(|state| {
                state.slices.get_or_insert_default().remove(&key(&slice));
            }),
            WatchEvent::Absent | WatchEvent::Forbidden(_) => shared.change(|state| {
                state.unlisted.remove(&id);
                state.slices = None;
            }),
        }
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
