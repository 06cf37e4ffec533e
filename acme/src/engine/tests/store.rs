use super::crash::Fuse;
use crate::planner::{Event, Kind, Write};
use crate::store::memory::Memory;
use crate::store::{Replicas, Store, StoreError};
use crate::view::View;
use async_trait::async_trait;
use jiff::Timestamp;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// The state that lives as long as the cluster.
#[derive(Clone)]
pub(super) struct Cluster {
    pub(super) memory: Arc<Mutex<Memory>>,
    pub(super) events: Arc<Mutex<Vec<Event>>>,
    pub(super) replicas: Arc<Mutex<Replicas>>,
}

/// The cluster as one replica sees it: each kind has its own watch and its own delay.
pub(super) struct Watched {
    cluster: Cluster,
    seen: Arc<Mutex<Arc<View>>>,
    changes: watch::Sender<u64>,
    pub(super) fuse: Arc<Fuse>,
}

fn lag(kind: Kind) -> Duration {
    Duration::from_millis(match kind {
        Kind::Secret => 90,
        Kind::Order => 20,
        Kind::CertificateRequest => 40,
        _ => 5,
    })
}

impl Watched {
    pub(super) fn new(cluster: &Cluster, fuse: Arc<Fuse>) -> Arc<Self> {
        let seen = Arc::new(cluster.memory.lock().view.clone());
        let seen = Arc::new(Mutex::new(seen));
        Arc::new(Self { cluster: cluster.clone(), seen, changes: watch::channel(0).0, fuse })
    }

    fn show_later(&self, kinds: Vec<Kind>) {
        for kind in kinds {
            let (memory, seen) = (Arc::clone(&self.cluster.memory), Arc::clone(&self.seen));
            let changes = self.changes.clone();
            let now = memory.lock().view.clone();
            tokio::spawn(async move {
                tokio::time::sleep(lag(kind)).await;
                let mut seen = seen.lock();
                let mut view = View::clone(&seen);
                match kind {
                    Kind::Certificate => view.certificates = now.certificates,
                    Kind::CertificateRequest => view.requests = now.requests,
                    Kind::Challenge => view.challenges = now.challenges,
                    Kind::Issuer => view.issuers = now.issuers,
                    Kind::Order => view.orders = now.orders,
                    Kind::Secret => view.secrets = now.secrets,
                    Kind::Ingress => view.ingresses = now.ingresses,
                }
                *seen = Arc::new(view);
                drop(seen);
                changes.send_modify(|n| *n += 1);
            });
        }
    }
}

#[async_trait]
impl Store for Watched {
    fn view(&self) -> Arc<View> {
        Arc::clone(&self.seen.lock())
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn is_leader(&self) -> bool {
        !self.fuse.is_burnt()
    }

    async fn write(&self, write: &Write) -> Result<(), StoreError> {
        self.fuse.burn().await;
        let changes = self.cluster.memory.lock().write(write, Timestamp::now())?;
        let mut kinds: Vec<Kind> = changes.iter().map(|(kind, _, _)| *kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        self.show_later(kinds);
        self.fuse.burn().await;
        Ok(())
    }

    async fn report(&self, event: &Event) {
        self.cluster.events.lock().push(event.clone());
    }

    async fn replicas(&self) -> Result<Replicas, StoreError> {
        Ok(self.cluster.replicas.lock().clone())
    }
}
