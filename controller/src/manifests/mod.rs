//! A folder of Kubernetes manifests instead of a cluster: the same objects, the same meaning, watched.

mod certificates;
mod declarations;
mod document;
mod folder;
mod object;
mod reading;
mod selection;
mod stray;

#[cfg(test)]
mod tests;

pub use certificates::{Issuing, OpenStore};
pub use reading::Places;
pub(crate) use selection::Selection;

use crate::view::View;
use certificates::Certificates;
use flow_file::changes::{Changes, EMPTY_FILE_DELAY, Interest};
use flow_model::diagnostic::Diagnostic;
use reading::Folder;
use std::path::{Path, PathBuf};
use tracing::warn;

/// A folder and the view that it fills.
pub(crate) struct Manifests {
    folder: Option<Folder>,
    changes: Option<Changes>,
    certificates: Certificates,
    /// The objects of the folder.
    pub(crate) view: View,
}

impl Manifests {
    /// Opens the folder at `root`, watched for changes if `watch`. Of its manifests those in `selection` count.
    /// Ingresses of `class` are served, all if it is empty. `issuing` is the treatment of the certificates that it asks
    /// for.
    pub(crate) fn new(root: PathBuf, watch: bool, class: &str, selection: Selection, issuing: Issuing) -> Self {
        let root = std::path::absolute(&root).unwrap_or(root);
        // Watched before it is read for the first time, so that no change is missed.
        let changes = watch.then(|| Changes::new(Interest::folder(&root))).and_then(|changes| {
            changes.inspect_err(|error| warn!(%error, "changes of manifests are not noticed")).ok()
        });
        Self {
            folder: Some(Folder::new(root, class).selecting(selection)),
            changes,
            certificates: Certificates::new(issuing),
            view: View::default(),
        }
    }

    /// Reads the folder into the view and returns findings about it.
    pub(crate) async fn read(&mut self) -> Vec<Diagnostic> {
        let Some(mut folder) = self.folder.take() else { return Vec::new() };
        let reading = tokio::task::spawn_blocking(move || {
            folder.read();
            folder
        });
        match reading.await {
            Ok(folder) => {
                let folder = self.folder.insert(folder);
                let mut problems = folder.show(&mut self.view);
                self.certificates.declare(folder.declarations());
                problems.extend(self.certificates.show(&mut self.view));
                problems
            }
            // The runtime is going down.
            Err(_) => Vec::new(),
        }
    }

    /// Returns the places where the objects are defined that were read last.
    pub(crate) fn places(&self) -> Places {
        self.folder.as_ref().map(Folder::places).unwrap_or_default()
    }

    /// Waits until something below the folder may have changed, or a certificate has come.
    pub(crate) async fn changed(&mut self) {
        let emptied = self.folder.as_ref().is_some_and(Folder::has_emptied_file);
        tokio::select! {
            () = self.certificates.changed() => {}
            () = files(&mut self.changes, emptied) => {}
        }
    }
}

/// Returns the files below a folder that manifests are read from.
pub(crate) fn files_below(root: &Path) -> Vec<PathBuf> {
    folder::files(root).0.into_iter().collect()
}

/// Waits until a file may have changed; for ever if nothing is watched.
async fn files(changes: &mut Option<Changes>, emptied: bool) {
    let Some(changes) = changes else { return std::future::pending().await };
    changes.next_within(emptied.then_some(EMPTY_FILE_DELAY)).await;
}
