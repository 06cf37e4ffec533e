//! Traefik's dynamic configuration files as a source of configuration.

use super::publish::{Provider, Publisher, Update, channel};
use flow_file::changes::{Changes, EMPTY_FILE_DELAY, Interest};
use flow_file::{Files, Origin};
use flow_model::config::{Source, precedence};
use flow_model::diagnostic::Diagnostic;
use flow_model::name::FILE;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

/// The options of dynamic configuration files.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FileOptions {
    /// The file or the folder, an absolute path.
    pub origin: Origin,
    /// True if changes are read as they happen.
    pub watch: bool,
    /// True if what templates make is logged, at level debug.
    pub log_rendered: bool,
}

impl FileOptions {
    fn files(&self) -> Files {
        let files = Files::new(self.origin.clone());
        if self.log_rendered { files.logging_rendered() } else { files }
    }
}

/// Reads dynamic configuration files, on the current runtime and until `stop` is cancelled. SIGHUP has them read again.
#[must_use]
pub fn start(options: FileOptions, stop: CancellationToken) -> Provider {
    let (publisher, provider) = channel();
    tokio::spawn(async move {
        stop.run_until_cancelled(run(options, publisher)).await;
    });
    provider
}

/// Dynamic configuration files as they are at one moment.
#[derive(Debug)]
pub struct FilesReading {
    /// The configuration, and the findings about it.
    pub update: Update,
    /// The files.
    pub files: Files,
}

/// Reads dynamic configuration files once.
#[must_use]
pub fn read_files(options: &FileOptions) -> FilesReading {
    let mut files = options.files();
    let (sources, diagnostics) = sources(&mut files);
    FilesReading { update: Update { sources: sources.into(), diagnostics: diagnostics.into(), version: 1 }, files }
}

fn sources(files: &mut Files) -> ([Source; 1], Vec<Diagnostic>) {
    let reading = files.read();
    ([Source::new(FILE, precedence::FILE, reading.config)], reading.diagnostics)
}

async fn run(options: FileOptions, mut publisher: Publisher) {
    let started = Instant::now();
    // Watched before they are read for the first time, so that no change is missed.
    let mut changes = options
        .watch
        .then(|| Changes::new(interest(&options.origin)))
        .and_then(|changes| changes.inspect_err(|error| warn!(%error, "changes of files are not noticed")).ok());
    let mut hang_up = signal(SignalKind::hangup()).inspect_err(|error| warn!(%error, "SIGHUP is not noticed")).ok();
    let mut files = options.files();
    loop {
        let reading = tokio::task::spawn_blocking(move || {
            let read = sources(&mut files);
            (files, read)
        });
        // The runtime is going down.
        let Ok((kept, (sources, diagnostics))) = reading.await else { return };
        files = kept;
        match publisher.publish(sources, diagnostics) {
            Some(1) => {
                let (path, seconds) = (options.origin.path().display(), started.elapsed().as_secs_f32());
                info!(%path, seconds, "every dynamic configuration file is read");
            }
            Some(version) => debug!(version, "dynamic configuration files changed"),
            None => {}
        }
        if let Some(changes) = &mut changes {
            changes.watch_files(interest(&options.origin).files.into_iter().chain(files.beside()).collect());
        }
        tokio::select! {
            () = changed(&mut changes, files.has_emptied_file()) => {}
            () = hung_up(&mut hang_up) => info!("SIGHUP: dynamic configuration files are read again"),
            () = publisher.closed() => return,
        }
    }
}

/// The paths of which changes matter.
fn interest(origin: &Origin) -> Interest {
    match origin {
        Origin::File(file) => Interest { folder: None, files: [file.clone()].into() },
        Origin::Folder(folder) => Interest::folder(folder),
    }
}

/// Waits until a file may have changed; for ever if nothing is watched.
async fn changed(changes: &mut Option<Changes>, emptied: bool) {
    match changes {
        Some(changes) => changes.next_within(emptied.then_some(EMPTY_FILE_DELAY)).await,
        None if emptied => tokio::time::sleep(EMPTY_FILE_DELAY).await,
        None => std::future::pending().await,
    }
}

async fn hung_up(signal: &mut Option<Signal>) {
    let Some(signal) = signal else { return std::future::pending().await };
    if signal.recv().await.is_none() {
        std::future::pending::<()>().await;
    }
}
