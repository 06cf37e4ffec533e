//! Notices changes of files and below a folder, also when they, or the folder, come later or are replaced.

use notify::event::{AccessKind, AccessMode};
use notify::{Config, Event, EventKind, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::warn;

/// The quiet time before a change is read: editors write a file in several steps.
const QUIET_TIME: Duration = Duration::from_millis(20);
/// The longest delay of a change.
const MAX_DELAY: Duration = Duration::from_millis(200);
/// The interval at which the folder is scanned if the system cannot report changes.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// The time that a file must be empty before it is taken as empty.
pub const EMPTY_FILE_DELAY: Duration = Duration::from_millis(250);

/// The paths of which changes are reported, all absolute. None need be there yet.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Interest {
    /// A folder, with all that is below it.
    pub folder: Option<PathBuf>,
    /// Single files. Where one is a link, both the link and its target count.
    pub files: BTreeSet<PathBuf>,
}

/// Watches what somebody is interested in.
pub struct Changes {
    interest: Interest,
    /// The same with the targets of links, for the thread that gets the events.
    shared: Arc<Mutex<Interest>>,
    watcher: Box<dyn Watcher + Send>,
    events: mpsc::Receiver<()>,
    /// The folders that are watched, by device and inode; there may be others at the same paths later.
    watched: BTreeMap<PathBuf, (RecursiveMode, (u64, u64))>,
}

impl Changes {
    /// Watches these paths.
    ///
    /// # Errors
    /// If the system can neither report changes nor be polled.
    pub fn new(interest: Interest) -> notify::Result<Self> {
        let (send, events) = mpsc::channel(1);
        let shared = Arc::new(Mutex::new(Interest::default()));
        let known = Arc::clone(&shared);
        let report = move |event: notify::Result<Event>| {
            let matters = |event: &Event| known.lock().unwrap_or_else(PoisonError::into_inner).covers(event);
            if event.map_or(true, |event| matters(&event)) {
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
        let mut changes = Self { interest, shared, watcher, events, watched: BTreeMap::new() };
        changes.follow();
        Ok(changes)
    }

    /// Watches these files from now on, instead of those before; the folder stays the same.
    pub fn watch_files(&mut self, files: BTreeSet<PathBuf>) {
        if files != self.interest.files {
            self.interest.files = files;
            self.follow();
        }
    }

    /// Watches the folders that are at the paths now.
    fn follow(&mut self) {
        let interest = self.interest.with_targets();
        let wanted = interest.folders();
        *self.shared.lock().unwrap_or_else(PoisonError::into_inner) = interest;
        let now: BTreeMap<_, _> = wanted
            .into_iter()
            .filter_map(|(path, mode)| Some((identity(&path)?, path, mode)))
            .map(|(identity, path, mode)| (path, (mode, identity)))
            .collect();
        for (path, _) in self.watched.iter().filter(|(path, watched)| now.get(*path) != Some(*watched)) {
            let _ = self.watcher.unwatch(path);
        }
        for (path, watched) in &now {
            if self.watched.get(path) != Some(watched)
                && let Err(error) = self.watcher.watch(path, watched.0)
            {
                warn!(folder = %path.display(), %error, "changes in this folder are not noticed");
            }
        }
        self.watched = now;
    }

    /// [`Self::next`], for this time at the most.
    pub async fn next_within(&mut self, limit: Option<Duration>) {
        match limit {
            Some(limit) => drop(timeout(limit, self.next()).await),
            None => self.next().await,
        }
    }

    /// Waits for a change, and then until it is quiet.
    pub async fn next(&mut self) {
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

impl Interest {
    /// All below a folder.
    #[must_use]
    pub fn folder(folder: &Path) -> Self {
        Self { folder: Some(folder.to_owned()), files: BTreeSet::new() }
    }

    /// The same with the files that links lead to.
    fn with_targets(&self) -> Self {
        let mut all = self.clone();
        all.files.extend(self.files.iter().filter_map(|file| file.canonicalize().ok()));
        all
    }

    /// The folders that must be watched to hear of changes, or of the coming of what is not there yet.
    fn folders(&self) -> BTreeMap<PathBuf, RecursiveMode> {
        let mut folders = BTreeMap::new();
        let above = |path: &Path| path.ancestors().skip(1).find(|above| above.is_dir()).map(Path::to_owned);
        for file in &self.files {
            folders.extend(above(file).map(|folder| (folder, RecursiveMode::NonRecursive)));
        }
        if let Some(folder) = &self.folder {
            folders.extend(above(folder).map(|above| (above, RecursiveMode::NonRecursive)));
            folders.retain(|path, _| !path.starts_with(folder));
            folders.insert(folder.clone(), RecursiveMode::Recursive);
        }
        folders
    }

    /// True if an event may have changed something. Our own reading makes events too.
    fn covers(&self, event: &Event) -> bool {
        let reading = match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => false,
            EventKind::Access(_) => true,
            _ => false,
        };
        !reading && (event.need_rescan() || event.paths.iter().any(|path| self.covers_path(path)))
    }

    fn covers_path(&self, path: &Path) -> bool {
        // What is above may just have come, or be another one now.
        let touches = |ours: &Path| ours.starts_with(path);
        // A mounted ConfigMap changes by a link named ..data.
        let is_mount = || path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".."));
        self.folder.as_deref().is_some_and(|folder| path.starts_with(folder) || touches(folder))
            || self.files.iter().any(|file| touches(file) || file.parent() == path.parent() && is_mount())
    }
}

fn identity(folder: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(folder).ok().map(|folder| (folder.dev(), folder.ino()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    /// The outcome of a wait that a change ends, or the lack of one.
    async fn noticed(changes: &mut Changes) -> bool {
        timeout(Duration::from_secs(5), changes.next()).await.is_ok()
    }

    async fn unnoticed(changes: &mut Changes) -> bool {
        timeout(Duration::from_millis(150), changes.next()).await.is_err()
    }

    #[tokio::test]
    async fn a_folder_is_noticed_that_comes_with_those_above_it() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a/b/c");
        let mut changes = Changes::new(Interest::folder(&folder)).unwrap();
        fs::create_dir(root.path().join("other")).unwrap();
        assert!(unnoticed(&mut changes).await);
        for part in ["a", "a/b", "a/b/c"] {
            fs::create_dir(root.path().join(part)).unwrap();
            assert!(noticed(&mut changes).await, "{part}");
        }
        fs::create_dir(folder.join("sub")).unwrap();
        assert!(noticed(&mut changes).await);
        fs::write(folder.join("sub/x.yaml"), "a: 1").unwrap();
        assert!(noticed(&mut changes).await);
        fs::rename(&folder, root.path().join("old")).unwrap();
        assert!(noticed(&mut changes).await);
        fs::create_dir(&folder).unwrap();
        assert!(noticed(&mut changes).await);
        fs::write(folder.join("x.yaml"), "a: 1").unwrap();
        assert!(noticed(&mut changes).await);
    }

    #[tokio::test]
    async fn a_file_is_noticed_however_it_is_replaced() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        let interest = Interest { folder: None, files: [at("a.yaml")].into() };
        let mut changes = Changes::new(interest).unwrap();
        fs::write(at("b.yaml"), "").unwrap();
        assert!(unnoticed(&mut changes).await);
        fs::write(at("a.yaml"), "a: 1").unwrap();
        assert!(noticed(&mut changes).await);
        fs::rename(at("b.yaml"), at("a.yaml")).unwrap();
        assert!(noticed(&mut changes).await);
        fs::read(at("a.yaml")).unwrap();
        assert!(unnoticed(&mut changes).await);
        // Another file may be of interest later.
        changes.watch_files([at("a.yaml"), at("c.crt")].into());
        fs::write(at("c.crt"), "").unwrap();
        assert!(noticed(&mut changes).await);
    }

    #[tokio::test]
    async fn a_mounted_config_map_is_noticed_when_it_is_swapped() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir(at("..1")).unwrap();
        fs::write(at("..1/a.yaml"), "a: 1").unwrap();
        symlink("..1", at("..data")).unwrap();
        symlink("..data/a.yaml", at("a.yaml")).unwrap();
        let mut changes = Changes::new(Interest { folder: None, files: [at("a.yaml")].into() }).unwrap();
        fs::create_dir(at("..2")).unwrap();
        fs::write(at("..2/a.yaml"), "a: 2").unwrap();
        symlink("..2", at("..tmp")).unwrap();
        fs::rename(at("..tmp"), at("..data")).unwrap();
        assert!(noticed(&mut changes).await);
        assert_eq!(fs::read_to_string(at("a.yaml")).unwrap(), "a: 2");
        fs::write(at("..2/a.yaml"), "a: 3").unwrap();
        assert!(noticed(&mut changes).await);
    }
}
