//! Idle connections to one backend, separate for each worker.

use super::Endpoint;
use super::http1::Http1;
use super::http2::{Http2, Http2Stream};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, OnceLock, Weak};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

/// The interval at which connections that closed or were idle too long are removed.
const SWEEP: Duration = Duration::from_secs(10);

/// The number of workers.
static SHARDS: LazyLock<usize> = LazyLock::new(|| available_parallelism().map_or(1, usize::from));

/// Numbers the threads that use pools, in the order of their first use.
static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static THREAD: usize = THREADS.fetch_add(1, Ordering::Relaxed);
}

/// The connections to one backend. Each worker has a shard of its own, so the locks are free but for the short moments
/// of a sweep; then a worker goes without the pool instead of waiting.
#[derive(Debug, Default)]
pub(in crate::forward) struct Pool {
    /// Created with the first connection: most of ten thousand backends are idle.
    shards: OnceLock<Box<[Shard]>>,
    /// True if HTTP/2 was agreed last time, so that requests should wait for one connection instead of opening many.
    speaks_http2: AtomicBool,
}

/// Aligned to a cache line, as other workers write to the neighbours.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard {
    waiting: Mutex<Waiting>,
    /// Held while an HTTP/2 connection is opened.
    opening: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// The longest idle first.
    idle: Vec<(Box<Http1>, Instant)>,
    shared: Vec<Http2>,
    /// True if a sweep is planned.
    swept: bool,
}

impl Pool {
    fn shard(&self) -> &Shard {
        let shards = self.shards.get_or_init(|| (0..*SHARDS).map(|_| Shard::default()).collect());
        &shards[THREAD.with(|number| *number) % shards.len()]
    }

    /// The most recently used connection that is still alive.
    pub(in crate::forward) fn take(&self) -> Option<Box<Http1>> {
        loop {
            let (mut connection, _) = self.shard().waiting.try_lock()?.idle.pop()?;
            if connection.is_alive() {
                return Some(connection);
            }
        }
    }

    /// An HTTP/2 connection with room for another stream.
    pub(in crate::forward) fn shared(&self) -> Option<Http2Stream> {
        let mut waiting = self.shard().waiting.try_lock()?;
        waiting.shared.retain_mut(|connection| !connection.is_closed());
        waiting.shared.iter().find_map(Http2::reserve)
    }

    /// Waits for others that are about to open an HTTP/2 connection.
    pub(in crate::forward) async fn opening(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.shard().opening.lock().await
    }

    /// True if no connection is idle here.
    pub(in crate::forward) fn is_idle(&self) -> bool {
        self.shards.get().is_none_or(|shards| {
            shards.iter().all(|shard| {
                let waiting = shard.waiting.lock();
                waiting.idle.is_empty() && waiting.shared.is_empty()
            })
        })
    }

    /// True if HTTP/2 was agreed last time.
    pub(in crate::forward) fn speaks_http2(&self) -> bool {
        self.speaks_http2.load(Ordering::Relaxed)
    }

    /// Notes the agreed protocol.
    pub(in crate::forward) fn note_http2(&self, agreed: bool) {
        self.speaks_http2.store(agreed, Ordering::Relaxed);
    }
}

/// Keeps `connection` for the next request.
pub(super) fn keep(endpoint: &Arc<Endpoint>, connection: Box<Http1>) {
    let shard = endpoint.pool.shard();
    let Some(mut waiting) = shard.waiting.try_lock() else { return };
    let surplus = (waiting.idle.len() >= endpoint.transport().max_idle).then(|| waiting.idle.remove(0));
    waiting.idle.push((connection, Instant::now()));
    plan_sweep(endpoint, &mut waiting);
    drop(waiting);
    // Closed without the lock.
    drop(surplus);
}

/// Shares `connection` with this worker's requests.
pub(super) fn share(endpoint: &Arc<Endpoint>, connection: Http2) {
    let mut waiting = endpoint.pool.shard().waiting.lock();
    waiting.shared.push(connection);
    plan_sweep(endpoint, &mut waiting);
}

fn plan_sweep(endpoint: &Arc<Endpoint>, waiting: &mut Waiting) {
    if !waiting.swept {
        waiting.swept = true;
        let number = THREAD.with(|number| *number);
        tokio::spawn(sweep(Arc::downgrade(endpoint), number));
    }
}

/// Sweeps one shard until it is empty or the endpoint is gone.
async fn sweep(endpoint: Weak<Endpoint>, number: usize) {
    loop {
        let Some(limit) = endpoint.upgrade().map(|endpoint| endpoint.transport().idle_connection) else { return };
        tokio::time::sleep(limit.map_or(SWEEP, |limit| limit.min(SWEEP))).await;
        let Some(endpoint) = endpoint.upgrade() else { return };
        let Some(shards) = endpoint.pool.shards.get() else { return };
        let mut waiting = shards[number % shards.len()].waiting.lock();
        let mut gone = Vec::new();
        let too_old = |since: &Instant| limit.is_some_and(|limit| since.elapsed() >= limit);
        for (mut connection, since) in std::mem::take(&mut waiting.idle) {
            if too_old(&since) || !connection.is_alive() {
                gone.push(connection);
            } else {
                waiting.idle.push((connection, since));
            }
        }
        waiting.shared.retain_mut(|connection| {
            !connection.is_closed() && limit.is_none_or(|limit| connection.idle_for().is_none_or(|idle| idle < limit))
        });
        let done = waiting.idle.is_empty() && waiting.shared.is_empty();
        waiting.swept = !done;
        drop(waiting);
        // Closed without the lock.
        drop(gone);
        if done {
            return;
        }
    }
}
