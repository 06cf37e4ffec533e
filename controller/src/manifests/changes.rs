//! Notices changes below a folder, also when the folder itself is replaced.

use notify::event::{AccessKind, AccessMode};
use notify::{Config, Event, EventKind, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tracing::warn;

/// The quiet time before a change is read: editors write a file in several steps.
const QUIET_TIME: Duration = Duration::from_millis(20);
/// The longest delay of a change.
const MAX_DELAY: Duration = Duration::from_millis(200);
/// The interval at which the folder is scanned if the system cannot report changes.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// Watches one folder.
pub(super) struct Changes {
    root: PathBuf,
    watcher: Box<dyn Watcher + Send>,
    events: mpsc::Receiver<()>,
    /// The folder that is watched, by device and inode; it may be another one at the same path later.
    watched: Option<(u64, u64)>,
}

impl Changes {
    /// Watches `root`, an absolute path, which need not be there yet.
    ///
    /// # Errors
    /// If the system can neither report changes nor be polled.
    pub(super) fn new(root: &Path) -> notify::Result<Self> {
        let (send, events) = mpsc::channel(1);
        let below = root.to_owned();
        let report = move |event: notify::Result<Event>| {
            if event.map_or(true, |event| matters(&event, &below)) {
                // One waiting message stands for all.
                let _ = send.try_send(());
            }
        };
        let watcher: Box<dyn Watcher + Send> = match RecommendedWatcher::new(report.clone(), Config::default()) {
            Ok(watcher) => Box::new(watcher),
            Err(error) => {
                warn!(%error, "the system cannot tell of changes to files: the folder is looked through every two seconds");
                let config = Config::default().with_poll_interval(POLL_INTERVAL).with_compare_contents(true);
                Box::new(PollWatcher::new(report, config)?)
            }
        };
        let mut changes = Self { root: root.to_owned(), watcher, events, watched: None };
        if let Some(parent) = root.parent() {
            // Reports that the folder itself comes, goes or is replaced.
            let _ = changes.watcher.watch(parent, RecursiveMode::NonRecursive);
        }
        changes.follow();
        Ok(changes)
    }

    /// Watches the folder that is at the path now.
    fn follow(&mut self) {
        let now = std::fs::metadata(&self.root).ok().map(|folder| (folder.dev(), folder.ino()));
        if now == self.watched {
            return;
        }
        let _ = self.watcher.unwatch(&self.root);
        self.watched = now;
        if now.is_some()
            && let Err(error) = self.watcher.watch(&self.root, RecursiveMode::Recursive)
        {
            warn!(folder = %self.root.display(), %error, "changes in this folder are not noticed");
        }
    }

    /// Waits for a change, and then until it is quiet.
    pub(super) async fn next(&mut self) {
        if self.events.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
        let latest = Instant::now() + MAX_DELAY;
        while let Ok(Some(())) = timeout_at(latest.min(Instant::now() + QUIET_TIME), self.events.recv()).await {
            if Instant::now() >= latest {
                break;
            }
        }
        self.follow();
    }
}

/// True if an event may have changed something below `root`. Our own reading makes events too.
fn matters(event: &Event, root: &Path) -> bool {
    let reading = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => false,
        EventKind::Access(_) => true,
        _ => false,
    };
    !reading && (event.need_rescan() || event.paths.iter().any(|path| path.starts_with(root)))
}
