//! The task that checks one server.

use super::check::Check;
use super::request::{self, Failure};
use crate::forward::Transport;
use flow_model::diagnostic::causes;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

/// The state of one server, and the task that checks it, which ends when this is dropped.
#[derive(Debug)]
pub struct Probe {
    state: Arc<State>,
    task: Option<AbortHandle>,
}

#[derive(Debug)]
struct State {
    is_up: AtomicBool,
    /// The number of checks so far.
    checks: AtomicU64,
}

impl Probe {
    /// The probe of a server that nobody checks: it is up.
    #[must_use]
    pub fn idle() -> Self {
        Self { state: Arc::new(State { is_up: AtomicBool::new(true), checks: AtomicU64::new(0) }), task: None }
    }

    /// Checks `server`, a URL, in a task on `runtime`. It is up until a check says otherwise.
    pub(super) fn start(runtime: &Handle, server: &str, check: &Arc<Check>, transport: &Arc<Transport>) -> Self {
        let mut probe = Self::idle();
        let (state, check, transport) = (Arc::clone(&probe.state), Arc::clone(check), Arc::clone(transport));
        let server: Arc<str> = Arc::from(server);
        let task = runtime.spawn(async move {
            let ask = || request::run(&check, &server, &transport);
            watch(&state, &check, &server, ask).await;
        });
        probe.task = Some(task.abort_handle());
        probe
    }

    /// True if the server is up.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.state.is_up.load(Ordering::Relaxed)
    }

    /// The number of checks so far.
    pub(in crate::service) fn checks(&self) -> u64 {
        self.state.checks.load(Ordering::Relaxed)
    }

    /// Notes the outcome of a check.
    #[cfg(test)]
    pub(in crate::service) fn note(&self, is_up: bool) {
        self.state.note(is_up);
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl State {
    /// Notes the outcome of a check; true if it is another than before.
    fn note(&self, is_up: bool) -> bool {
        self.checks.fetch_add(1, Ordering::Relaxed);
        self.is_up.swap(is_up, Ordering::Relaxed) != is_up
    }
}

/// Checks a server by `ask` at the intervals of `check`, for ever.
async fn watch<F: Future<Output = Result<(), Failure>>>(
    state: &State,
    check: &Check,
    server: &str,
    ask: impl Fn() -> F,
) {
    loop {
        let was_up = state.is_up.load(Ordering::Relaxed);
        tokio::time::sleep(check.interval(was_up)).await;
        match ask().await {
            Ok(()) => {
                if state.note(true) {
                    tracing::info!(server, "a server is up again");
                }
            }
            Err(failure) => {
                let error = causes(&failure);
                if state.note(false) {
                    tracing::warn!(server, error, "a server is down: its health check failed");
                } else {
                    tracing::debug!(server, error, "a health check failed again");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::forward::Tunnels;
    use flow_model::config::ServersTransport;
    use http::StatusCode;
    use parking_lot::Mutex;

    #[tokio::test]
    async fn a_server_is_up_until_a_check_fails() {
        let check = r#"{"interval": "3ms", "unhealthyInterval": "1ms"}"#;
        let check = Check::new(&serde_json::from_str(check).unwrap()).unwrap();
        let (probe, seen) = (Probe::idle(), Mutex::new(Vec::new()));
        let (done, is_done) = tokio::sync::mpsc::unbounded_channel();
        let ask = || {
            seen.lock().push((probe.checks(), probe.is_up()));
            let number = seen.lock().len();
            if number == 5 {
                done.send(()).unwrap();
            }
            async move { if matches!(number, 2 | 3) { Err(Failure::Status(StatusCode::BAD_GATEWAY)) } else { Ok(()) } }
        };
        let mut is_done = is_done;
        tokio::select! {
            () = watch(&probe.state, &check, "http://a.test", ask) => {}
            _ = is_done.recv() => {}
        }
        assert_eq!(*seen.lock(), [(0, true), (1, true), (2, false), (3, false), (4, true)]);
    }

    #[tokio::test]
    async fn the_task_ends_with_the_probe() {
        let check = Arc::new(Check::new(&serde_json::from_str(r#"{"interval": "1h"}"#).unwrap()).unwrap());
        let transport = Transport::compile(&ServersTransport::default(), &Tunnels::new(), &Arc::default()).unwrap();
        let held = Arc::strong_count(&transport);
        let probe = Probe::start(&Handle::current(), "http://10.0.0.1:80", &check, &transport);
        assert_eq!(Arc::strong_count(&transport), held + 1);
        drop(probe);
        while Arc::strong_count(&transport) > held {
            tokio::task::yield_now().await;
        }
    }
}
