//! The data plane: the sockets of the entry points, and the handler and TLS of the connections that they take.

use super::Refusal;
use super::certificates::{ChallengeResponders, TlsWithChallenges};
use crate::settings::Settings;
use flow_model::entry_point::EntryPoint;
use proxy::access_log::AccessLog;
use proxy::forward::{Fetcher, OutboundProxies};
use proxy::handler::Handler;
use proxy::listener::ListenError;
use proxy::metrics::Metrics;
use proxy::snapshot::Reader;
use proxy::worker::{Bound, Server, Threads};
use std::sync::Arc;

/// Bound sockets, on which no client is served yet.
pub(super) struct DataPlane {
    bound: Bound,
    handler: Arc<Handler>,
    tls: Arc<TlsWithChallenges>,
}

impl DataPlane {
    /// Binds the entry points, so that no other process can have their addresses, and counts their connections.
    ///
    /// # Errors
    /// An address cannot be had, or the TLS of forwardAuth's client cannot be set up.
    pub(super) fn bind(
        settings: &Settings,
        entry_points: &[Arc<EntryPoint>],
        reader: Reader,
        responders: ChallengeResponders,
        proxies: &Arc<OutboundProxies>,
        log: Option<Arc<AccessLog>>,
        metrics: Option<&Arc<Metrics>>,
    ) -> Result<Self, Refusal> {
        let challenges = Arc::new(responders.clone());
        let fetcher = Arc::new(Fetcher::new(proxies)?);
        let counters = metrics.map(AsRef::as_ref);
        let handler = Handler::new(reader.clone(), entry_points, challenges, fetcher, log, counters);
        let hostname = hostname::get().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let bound = Bound::new(entry_points, threads(settings), &hostname)?;
        if let Some(metrics) = metrics {
            for entry in bound.entries().iter().map(Arc::clone) {
                let name = Arc::clone(&entry.point.name);
                metrics.watch_connections(name, Box::new(move || entry.open_connections() as u64));
            }
        }
        Ok(Self { bound, handler: Arc::new(handler), tls: Arc::new(TlsWithChallenges { reader, responders }) })
    }

    /// Lets clients in.
    ///
    /// # Errors
    /// A socket or a thread is refused.
    pub(super) fn serve(self) -> Result<Server, ListenError> {
        self.bound.serve(self.handler, self.tls)
    }
}

/// As many workers as the process may use processors, unless a number is set; cgroup limits count.
fn threads(settings: &Settings) -> Threads {
    let wanted = usize::try_from(settings.workers).unwrap_or(usize::MAX);
    let usable = std::thread::available_parallelism().map_or(1, usize::from);
    let count = if wanted == 0 { usable } else { wanted };
    if settings.work_stealing { Threads::Shared(count) } else { Threads::PerCore(count) }
}
