use crate::request::Policy;
use flow_model::entry_point::EntryPoint;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// An entry point in service: its options and the values derived from them, shared by all workers.
#[derive(Debug)]
pub struct Entry {
    /// The options.
    pub point: Arc<EntryPoint>,
    /// Its index in the server's list of entry points.
    pub index: usize,
    /// The rules for request heads.
    pub policy: Policy,
    open: AtomicUsize,
    closing: AtomicBool,
    none_open: Notify,
    token: CancellationToken,
}

impl Entry {
    pub(crate) fn new(point: Arc<EntryPoint>, index: usize, hostname: &str) -> Arc<Self> {
        Arc::new(Self {
            policy: Policy::new(&point, hostname),
            point,
            index,
            open: AtomicUsize::new(0),
            closing: AtomicBool::new(false),
            none_open: Notify::new(),
            token: CancellationToken::new(),
        })
    }

    /// The number of open connections, including upgraded ones.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// True if no new connections are accepted, and open ones end after their requests in flight.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// Counts one more connection until the guard is dropped.
    pub(crate) fn opened(self: &Arc<Self>) -> OpenConnection {
        self.open.fetch_add(1, Ordering::Relaxed);
        OpenConnection(Arc::clone(self))
    }

    /// A token that is cancelled when the entry point closes. One a worker, so that workers share no lock.
    pub(crate) fn closing_token(&self) -> CancellationToken {
        self.token.child_token()
    }

    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::Release);
        self.token.cancel();
    }

    /// Waits until no connection is open.
    pub(crate) async fn all_closed(&self) {
        loop {
            let none_open = self.none_open.notified();
            if self.open.load(Ordering::Acquire) == 0 {
                return;
            }
            none_open.await;
        }
    }
}

/// One open connection. It lives as long as the connection's socket, even after an upgrade.
#[derive(Debug)]
pub(crate) struct OpenConnection(Arc<Entry>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        if self.0.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.none_open.notify_waiters();
        }
    }
}
