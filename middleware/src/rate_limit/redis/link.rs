//! The connections to a Redis, kept by a task of their own: a request finds one that works, or none, and never waits for
//! one to be made.

use super::super::bucket::Rate;
use super::script;
use super::settings::{Live, Settings};
use parking_lot::RwLock;
use redis::RedisResult;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

const MIN_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(10);
/// A connection that held so long was a good one, so that the next pause is short again.
const GOOD: Duration = Duration::from_secs(10);

/// The connections to a Redis.
pub(super) struct Link {
    settings: Settings,
    /// Empty while there is no connection that works.
    live: RwLock<Vec<Live>>,
    next: AtomicUsize,
    is_kept: AtomicBool,
    /// Wakes the task: a connection failed, or nobody needs the link any more.
    failed: Arc<Notify>,
}

impl Link {
    pub(super) fn new(settings: Settings) -> Arc<Self> {
        let link = Arc::new(Self {
            settings,
            live: RwLock::default(),
            next: AtomicUsize::new(0),
            is_kept: AtomicBool::new(false),
            failed: Arc::new(Notify::new()),
        });
        link.keep();
        link
    }

    /// The wait that Redis tells for a request at `now`, in microseconds since 1970; `None` if it does not answer.
    pub(super) async fn wait(self: &Arc<Self>, key: &str, rate: &Rate, now: u64) -> Option<Duration> {
        let Some(connection) = self.connection() else {
            self.keep();
            return None;
        };
        let call = script::call(key, rate, now);
        let asked = async {
            let answer: RedisResult<String> = match connection {
                Live::Cluster(mut connection) => call.invoke_async(&mut *connection).await,
                Live::Single(mut connection) => call.invoke_async(&mut connection).await,
            };
            answer
        };
        let reason: Box<dyn std::error::Error + Send + Sync> = match timeout(self.settings.read, asked).await {
            Ok(Ok(answer)) => match script::wait(&answer) {
                Some(wait) => return Some(wait),
                None => format!("{answer:.40?} is no number").into(),
            },
            Ok(Err(error)) => error.into(),
            Err(late) => late.into(),
        };
        tracing::debug!(error = &*reason as &dyn std::error::Error, "Redis did not tell a rate limit");
        self.live.write().clear();
        self.failed.notify_one();
        None
    }

    fn connection(&self) -> Option<Live> {
        let live = self.live.read();
        let next = self.next.fetch_add(1, Ordering::Relaxed).checked_rem(live.len())?;
        live.get(next).cloned()
    }

    /// Starts the task, once there is a runtime for it.
    fn keep(self: &Arc<Self>) {
        let Ok(runtime) = Handle::try_current() else { return };
        if !self.is_kept.swap(true, Ordering::Relaxed) {
            runtime.spawn(keep(Arc::downgrade(self), Arc::clone(&self.failed)));
        }
    }
}

/// Connects, and connects again after a failure, as long as somebody needs the link.
async fn keep(link: Weak<Link>, failed: Arc<Notify>) {
    let mut pause = MIN_PAUSE;
    let mut is_told = false;
    loop {
        let begun = Instant::now();
        let Some(strong) = link.upgrade() else { return };
        match strong.settings.connect().await {
            Ok(live) => {
                if std::mem::take(&mut is_told) {
                    tracing::info!("Redis answers again: rate limits are shared");
                }
                *strong.live.write() = live;
                drop(strong);
                failed.notified().await;
                if begun.elapsed() > GOOD {
                    pause = MIN_PAUSE;
                }
            }
            Err(error) => {
                drop(strong);
                if !std::mem::replace(&mut is_told, true) {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "Redis does not answer: each replica limits rates by itself");
                }
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(MAX_PAUSE);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.failed.notify_one();
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("settings", &self.settings).finish_non_exhaustive()
    }
}
