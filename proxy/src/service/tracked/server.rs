//! What a load balancer knows of a server beside its address. It outlives changes of the other servers.

use super::response_times::ResponseTimes;
use crate::service::health::Passive;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The state of one server.
#[derive(Debug, Default)]
pub(super) struct ServerState {
    in_flight: AtomicU64,
    /// The failures of its requests.
    pub(super) passive: Passive,
    /// The times of its responses.
    pub(super) times: ResponseTimes,
}

impl ServerState {
    /// The number of requests that have no whole response yet.
    pub(super) fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed)
    }
}

/// One request in flight: it counts until it is dropped.
#[derive(Debug)]
pub(super) struct InFlight(Arc<ServerState>);

impl InFlight {
    pub(super) fn new(server: &Arc<ServerState>) -> Self {
        server.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(server))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
