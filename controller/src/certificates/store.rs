//! A cluster as a [`Store`].

use super::state::Shared;
use super::write;
use crate::lease::Leadership;
use async_trait::async_trait;
use flow_acme::planner::{Event, View, Write};
use flow_acme::store::{Replicas, Store, StoreError};
use kube::Client;
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
        has_service: bool,
    ) -> Self {
        Self { client: ClientHandle(client), leadership, shared, events, has_service }
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
        let result = write::write(&self.client.0, &self.shared.view.load(), write).await;
        self.shared.note_write(write.target().0, &result);
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
        let Some(slices) = &state.slices else {
            return Err(StoreError::Refused(
                "the EndpointSlices of the published Service may not be watched: grant list and watch on them"
                    .to_owned(),
            ));
        };
        let mut all: Vec<_> = slices.values().flatten().cloned().collect();
        all.sort_by(|a, b| (a.http, &a.name).cmp(&(b.http, &b.name)));
        all.dedup_by_key(|replica| replica.http);
        Ok(Replicas::All(all))
    }
}
