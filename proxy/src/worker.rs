//! The data plane's threads, and the server that consists of them.
//!
//! Per core, each worker has its own runtime, sockets and connections, so that nothing on a request's path is shared;
//! the kernel spreads connections over the sockets. The alternative is one runtime whose threads steal work: the same
//! code, selected by an option.

use crate::listener::{Entry, ListenError, Socket, accept_loop, bind, check_apart};
use crate::serve::{Handler, accepted};
use crate::spans;
use crate::tls::TlsSource;
use flow_model::entry_point::EntryPoint;
use futures_util::future::join_all;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// The way connections are spread over threads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Threads {
    /// So many threads, each with a runtime of its own.
    PerCore(usize),
    /// One runtime of so many threads that steal work.
    Shared(usize),
}

impl Threads {
    /// The number of sockets that an entry point needs.
    fn sockets(self) -> usize {
        match self {
            Self::PerCore(count) => count.max(1),
            Self::Shared(_) => 1,
        }
    }
}

/// Entry points whose sockets are bound, so that no other process can have them, but which do not accept clients yet.
pub struct Bound {
    threads: Threads,
    entries: Vec<Arc<Entry>>,
    /// For each entry point, one socket a worker.
    sockets: Vec<Vec<Socket>>,
}

impl Bound {
    /// Binds all entry points. `hostname` is what backends see as `X-Forwarded-Server`.
    ///
    /// # Errors
    /// If an address cannot be bound; none stays bound then.
    pub fn new(entry_points: &[Arc<EntryPoint>], threads: Threads, hostname: &str) -> Result<Self, ListenError> {
        check_apart(entry_points)?;
        let sockets = entry_points.iter().map(|point| bind(point, threads.sockets())).collect::<Result<_, _>>()?;
        let entries = entry_points.iter().enumerate();
        let entries = entries.map(|(index, point)| Entry::new(Arc::clone(point), index, hostname)).collect();
        Ok(Self { threads, entries, sockets })
    }

    /// The entry points.
    #[must_use]
    pub fn entries(&self) -> &[Arc<Entry>] {
        &self.entries
    }

    /// The addresses of the entry points, in their order: with the real port if the configured one is zero.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.sockets.iter().filter_map(|sockets| sockets.first()).map(|socket| socket.address).collect()
    }

    /// Starts the workers and accepts clients.
    ///
    /// # Errors
    /// `Worker` if a thread cannot be started, or the error of a socket.
    pub fn serve(self, handler: Arc<crate::handler::Handler>, tls: Arc<dyn TlsSource>) -> Result<Server, ListenError> {
        // Not generic, so that the path of a request is compiled in this crate and with its options.
        self.serve_by(handler, tls)
    }

    /// [`Bound::serve`] with any handler.
    pub(crate) fn serve_by<H: Handler>(self, handler: Arc<H>, tls: Arc<dyn TlsSource>) -> Result<Server, ListenError> {
        let (workers, mut builder) = match self.threads {
            Threads::PerCore(_) => (self.threads.sockets(), Builder::new_current_thread()),
            Threads::Shared(count) => {
                let mut builder = Builder::new_multi_thread();
                builder.worker_threads(count.max(1)).thread_name("worker");
                (1, builder)
            }
        };
        let mut listeners: Vec<Vec<_>> = (0..workers).map(|_| Vec::new()).collect();
        for (entry, sockets) in self.entries.iter().zip(self.sockets) {
            for (worker, socket) in listeners.iter_mut().zip(sockets) {
                worker.push((Arc::clone(entry), socket.listen(&entry.point)?));
            }
        }
        let mut server = Server { entries: self.entries, cut: CancellationToken::new(), threads: Vec::new() };
        for (index, listeners) in listeners.into_iter().enumerate() {
            let runtime = builder.enable_all().build().map_err(ListenError::Worker)?;
            let (handler, tls, cut) = (Arc::clone(&handler), Arc::clone(&tls), server.cut.clone());
            for (entry, listener) in listeners {
                spawn_listener(&runtime, entry, listener, Arc::clone(&handler), Arc::clone(&tls))?;
            }
            let run = move || {
                runtime.block_on(cut.cancelled());
                runtime.shutdown_background();
            };
            let thread = std::thread::Builder::new().name(format!("worker-{index}")).spawn(run);
            server.threads.push(thread.map_err(ListenError::Worker)?);
        }
        Ok(server)
    }
}

fn spawn_listener<H: Handler>(
    runtime: &Runtime,
    entry: Arc<Entry>,
    listener: std::net::TcpListener,
    handler: Arc<H>,
    tls: Arc<dyn TlsSource>,
) -> Result<(), ListenError> {
    let _context = runtime.enter();
    let listener = TcpListener::from_std(listener).map_err(ListenError::Worker)?;
    runtime.spawn(async move {
        let closing = entry.closing_token();
        accept_loop(listener, &entry, &closing, |stream, peer| {
            let (entry, handler, tls) = (Arc::clone(&entry), Arc::clone(&handler), Arc::clone(&tls));
            let span = spans::connection(&entry.point.name, peer);
            let serving = accepted(stream, peer, entry, handler, tls, closing.clone());
            tokio::spawn(async move { spans::within(&span, pin!(serving)).await });
        })
        .await;
    });
    Ok(())
}

/// Running workers. Dropping it aborts every connection; [`drain`](Self::drain) ends them gracefully.
pub struct Server {
    entries: Vec<Arc<Entry>>,
    cut: CancellationToken,
    threads: Vec<JoinHandle<()>>,
}

impl Server {
    /// The entry points, for their numbers of open connections.
    #[must_use]
    pub fn entries(&self) -> &[Arc<Entry>] {
        &self.entries
    }

    /// Shuts down gracefully: each entry point goes on for its `request_accept_grace`, then accepts no more
    /// connections, and open ones end after their requests in flight; those left after `grace` are aborted.
    pub async fn drain(mut self) {
        join_all(self.entries.iter().map(|entry| async {
            let transport = &entry.point.transport;
            sleep(transport.request_accept_grace).await;
            entry.close();
            if timeout(transport.grace, entry.all_closed()).await.is_err() {
                let open = entry.open_connections();
                tracing::warn!(entry_point = &*entry.point.name, open, "connections cut off at the end of their grace");
            }
        }))
        .await;
        self.cut.cancel();
        let threads = std::mem::take(&mut self.threads);
        let joined = tokio::task::spawn_blocking(move || threads.into_iter().all(|thread| thread.join().is_ok()));
        if !joined.await.unwrap_or(false) {
            tracing::error!("a worker ended in a panic");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.cut.cancel();
    }
}
