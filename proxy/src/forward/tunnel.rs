//! Upgraded connections: bytes both ways until one side ends.

use super::stream::Stream;
use bytes::Bytes;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::AsyncWriteExt as _;
use tokio_util::sync::CancellationToken;

/// Bytes held for each direction of a tunnel.
const BUFFER: usize = 16 * 1024;

/// All open upgraded connections of the process. They outlive every configuration; only [`Tunnels::close`] ends them.
#[derive(Clone, Debug, Default)]
pub struct Tunnels(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    open: AtomicUsize,
    closing: CancellationToken,
}

impl Tunnels {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.0.open.load(Ordering::Relaxed)
    }

    /// Ends all of them, also those that begin later.
    pub fn close(&self) {
        self.0.closing.cancel();
    }

    /// Joins a client, once it has switched, and a backend that has already done so.
    pub(super) fn join(&self, client: OnUpgrade, mut backend: Stream, already_read: Bytes) {
        let open = Open::new(&self.0);
        tokio::spawn(async move {
            let splice = async {
                let mut client = TokioIo::new(client.await.map_err(std::io::Error::other)?);
                client.write_all(&already_read).await?;
                drop(already_read);
                tokio::io::copy_bidirectional_with_sizes(&mut client, &mut backend, BUFFER, BUFFER).await
            };
            tokio::select! {
                ended = splice => if let Err(error) = ended {
                    tracing::debug!(%error, "an upgraded connection broke off");
                },
                () = open.0.closing.cancelled() => {}
            }
        });
    }
}

/// Counts one while it lives.
struct Open(Arc<Shared>);

impl Open {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(shared))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
