//! Where objects live: a cluster, or a folder.

pub mod folder;
pub(crate) mod memory;

use crate::planner::{Event, View, Write};
use async_trait::async_trait;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::watch;

/// Why a write was not done.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody wrote in between, or the object is there already (create) or gone: look again.
    #[error("the object has changed")]
    Conflict,
    /// It is refused; writing the same again is of no use before something changes.
    #[error("{0}")]
    Refused(String),
    /// It could not be reached.
    #[error("{0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A replica that must answer a challenge.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Replica {
    /// Its name, for messages: the pod's.
    pub name: String,
    /// Its plain HTTP listener.
    pub http: SocketAddr,
    /// Its TLS listener, for TLS-ALPN-01.
    pub https: Option<SocketAddr>,
}

/// Who answers challenges.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Replicas {
    /// Only this process, which sees what the store sees.
    Alone,
    /// Every ready address behind the proxy's Service. None at all: the CA is not asked.
    All(Vec<Replica>),
}

/// Where objects live. The view may lag behind the writes; writes say so by [`StoreError::Conflict`].
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// What is known now; cheap.
    fn view(&self) -> Arc<View>;
    /// Changes whenever the view or the leadership does.
    fn changes(&self) -> watch::Receiver<u64>;
    /// Whether this process may speak for all, at this moment: asked right before each write and each call to the CA.
    fn is_leader(&self) -> bool;
    /// Writes. Only asked of a leader.
    async fn write(&self, write: &Write) -> Result<(), StoreError>;
    /// Tells of something. Losing one does no harm.
    async fn tell(&self, event: &Event);
    /// Who must answer a challenge before the CA may look.
    async fn replicas(&self) -> Result<Replicas, StoreError>;
}
