//! A cluster as a [`Store`].

use super::objects::custom;
use super::replicas::{forbidden, ready};
use super::state::Shared;
use super::watches::{CERTIFICATES, CHALLENGES, ISSUERS, ORDERS, Of, REQUESTS};
use super::write::{self, Written};
use crate::lease::Leadership;
use crate::watch::referenced::WrittenSender;
use async_trait::async_trait;
use flow_acme::objects::{Key, Object};
use flow_acme::planner::{Event, Kind, View, Write};
use flow_acme::store::{Replicas, Store, StoreError};
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kube::core::DynamicObject;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::{mpsc, watch};

/// The certificates of a cluster.
#[derive(Debug)]
pub struct ClusterStore {
    client: ClientHandle,
    leadership: Leadership,
    pub(super) shared: Arc<Shared>,
    events: mpsc::Sender<Event>,
    /// Takes Secrets that were written here to those who read them.
    secrets: WrittenSender<Secret>,
    /// True if there is a Service whose endpoints are the replicas.
    has_service: bool,
}

/// A client without debug output.
struct ClientHandle(Client);

impl std::fmt::Debug for ClientHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}

impl ClusterStore {
    pub(super) fn new(
        client: Client,
        leadership: Leadership,
        shared: Arc<Shared>,
        events: mpsc::Sender<Event>,
        secrets: WrittenSender<Secret>,
        has_service: bool,
    ) -> Self {
        Self { client: ClientHandle(client), leadership, shared, events, secrets, has_service }
    }
}

impl ClusterStore {
    /// Takes over what a write brought, before the watch does.
    fn know(&self, kind: Kind, key: &Key, written: Written) -> Result<(), StoreError> {
        let object = match written {
            Written::Nothing => return Ok(()),
            Written::Object(object) => Some(object),
            Written::Gone => None,
        };
        match kind {
            Kind::Certificate => self.take(CERTIFICATES, key, object),
            Kind::CertificateRequest => self.take(REQUESTS, key, object),
            Kind::Challenge => self.take(CHALLENGES, key, object),
            Kind::Issuer => self.take(ISSUERS, key, object),
            Kind::Order => self.take(ORDERS, key, object),
            Kind::Secret => {
                let secret = object.and_then(|object| object.try_parse().ok());
                secret.into_iter().for_each(|secret| self.secrets.send(secret));
                Ok(())
            }
            Kind::Ingress => Ok(()),
        }
    }

    fn take<S, T>(
        &self,
        (map, names): Of<Object<S, T>>,
        key: &Key,
        object: Option<Box<DynamicObject>>,
    ) -> Result<(), StoreError>
    where
        S: DeserializeOwned,
        T: DeserializeOwned + Default,
    {
        let Some(object) = object else {
            // Somebody deleted it, and the watch may have said so before it was taken over.
            self.shared.change_if(|state| state.remove(map, names, key, &self.shared.settings));
            return Err(StoreError::Conflict);
        };
        let Some(object) = custom(&object) else { return Ok(()) };
        self.shared.change_if(|state| {
            state.apply(map, names, object, &self.shared.settings, |present, written| present < written)
        });
        Ok(())
    }
}

#[async_trait]
impl Store for ClusterStore {
    fn view(&self) -> Arc<View> {
        self.shared.view.load_full()
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.shared.version.subscribe()
    }

    fn is_leader(&self) -> bool {
        self.shared.acting.load(Ordering::Acquire) && *self.shared.known.borrow() && self.leadership.is_leader()
    }

    async fn write(&self, write: &Write) -> Result<(), StoreError> {
        let (kind, key) = write.target();
        let result = match write::write(&self.client.0, &self.shared.view.load(), write).await {
            Ok(written) => self.know(kind, &key, written),
            Err(error) => Err(error),
        };
        self.shared.note_write(kind, &result);
        result
    }

    async fn report(&self, event: &Event) {
        // Full: the Event is dropped.
        let _ = self.events.try_send(event.clone());
    }

    async fn replicas(&self) -> Result<Replicas, StoreError> {
        if !self.has_service {
            return Ok(Replicas::Alone);
        }
        let state = self.shared.state.lock();
        state.slices.as_ref().map_or_else(|| Err(forbidden()), |slices| Ok(ready(slices)))
    }
}
