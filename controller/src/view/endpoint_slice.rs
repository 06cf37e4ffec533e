//! EndpointSlices.

use super::kept::Kept;
use super::store::Keyed;
use super::{ObjectKey, View, created};
use k8s_openapi::api::discovery::v1 as discovery;
use std::sync::Arc;

/// The label that names a slice's Service.
pub(crate) const SERVICE: &str = "kubernetes.io/service-name";

/// An EndpointSlice: some endpoints of a Service.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EndpointSlice {
    /// Its key.
    pub key: ObjectKey,
    /// Its Service; the name is empty if no label names one.
    pub service: ObjectKey,
    /// Its creation time, in seconds since 1970: the order of endpoints follows it.
    pub created: i64,
    /// Its ports that have a name and a number.
    pub ports: Box<[SlicePort]>,
    /// Its endpoints.
    pub endpoints: Box<[Endpoint]>,
}

/// A port of a slice.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SlicePort {
    /// The name of the Service's port; empty if it has none.
    pub name: Box<str>,
    /// The number at the endpoints; zero if absent.
    pub port: i32,
}

/// An endpoint: one or more addresses of one backend, usually a pod.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Endpoint {
    /// Its addresses.
    pub addresses: Box<[Box<str>]>,
    /// True if it takes requests, also if absent.
    pub serving: bool,
    /// True if it is going away.
    pub terminating: bool,
}

impl Keyed for EndpointSlice {
    fn key(&self) -> &ObjectKey {
        &self.key
    }
}

impl Kept for EndpointSlice {
    type Wire = discovery::EndpointSlice;

    fn told_as(&self) -> &ObjectKey {
        &self.service
    }

    fn replaced(view: &mut View, old: Option<&Arc<Self>>, new: Option<&Arc<Self>>) {
        if let Some(old) = old
            && let Some(slices) = view.slices_of_service.get_mut(&old.service)
        {
            slices.retain(|slice| slice.key != old.key);
            if slices.is_empty() {
                view.slices_of_service.remove(&old.service);
            }
        }
        if let Some(new) = new {
            let slices = view.slices_of_service.entry(new.service.clone()).or_default();
            slices.push(Arc::clone(new));
            // As in Traefik: by age, then by name, so that endpoints keep their order.
            slices.sort_by(|a, b| (a.created, &a.key.name).cmp(&(b.created, &b.key.name)));
        }
    }
}

impl From<&discovery::EndpointSlice> for EndpointSlice {
    fn from(object: &discovery::EndpointSlice) -> Self {
        let key = ObjectKey::of(&object.metadata);
        let labels = object.metadata.labels.as_ref();
        Self {
            service: key.sibling(labels.and_then(|labels| labels.get(SERVICE)).map_or("", String::as_str)),
            key,
            created: created(&object.metadata),
            ports: object
                .ports
                .iter()
                .flatten()
                .filter_map(|port| {
                    Some(SlicePort { name: port.name.as_deref()?.into(), port: port.port.unwrap_or_default() })
                })
                .collect(),
            endpoints: object
                .endpoints
                .iter()
                .flatten()
                .map(|endpoint| {
                    let conditions = endpoint.conditions.as_ref();
                    Endpoint {
                        addresses: endpoint.addresses.iter().map(|address| address.as_str().into()).collect(),
                        serving: conditions.and_then(|conditions| conditions.serving).unwrap_or(true),
                        terminating: conditions.and_then(|conditions| conditions.terminating).unwrap_or(false),
                    }
                })
                .collect(),
        }
    }
}
