//! The store of the objects: a cluster or a folder.

pub mod folder;
pub(crate) mod memory;

use crate::planner::{Event, Write};
use crate::view::View;
use async_trait::async_trait;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::watch;

/// The reason for which a write was not done.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The object was written since, exists already (create), or is gone: plan again.
    #[error("the object has changed")]
    Conflict,
    /// A refusal: the same write fails again until something changes.
    #[error("{0}")]
    Refused(String),
    /// The store could not be reached.
    #[error("{0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A replica that must answer a challenge.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Replica {
    /// The pod's name, for messages.
    pub name: String,
    /// Address of its plain HTTP listener.
    pub http: SocketAddr,
    /// Address of its TLS listener, for TLS-ALPN-01.
    pub https: Option<SocketAddr>,
}

/// The replicas that answer challenges.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Replicas {
    /// Only this process, which sees what the store sees.
    Alone,
    /// Every ready address behind the proxy's Service. If it is empty, the CA is not asked.
    All(Vec<Replica>),
}

/// The store of the objects. Its view is a cache and may lag behind the writes; a write based on an old view fails with
/// [`StoreError::Conflict`].
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Returns the current view. Cheap.
    fn view(&self) -> Arc<View>;
    /// A counter that changes with the view and with the leadership.
    fn changes(&self) -> watch::Receiver<u64>;
    /// True if this process is the leader at this moment. Checked right before each write and each call to the CA.
    fn is_leader(&self) -> bool;
    /// Carries out a write. Called on the leader only.
    async fn write(&self, write: &Write) -> Result<(), StoreError>;
    /// Reports an event. Losing one does no harm.
    async fn report(&self, event: &Event);
    /// Returns the replicas that must answer a challenge before the CA is told.
    async fn replicas(&self) -> Result<Replicas, StoreError>;
}
