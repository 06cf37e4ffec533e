//! A file, or the files of a folder, as they were last read: their objects, and findings.

mod file;
mod merge;
#[cfg(test)]
mod tests;
mod walk;

use file::{File, unreadable};
use flow_model::config::Config;
use flow_model::diagnostic::Diagnostic;
use merge::Merged;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The kind of the subject of findings about files; its name is the file with line and column.
pub const KIND: &str = "File";

/// The origin of a configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Origin {
    /// One file.
    File(PathBuf),
    /// The files of a folder, and of those below.
    Folder(PathBuf),
}

/// The files of an origin, with the last good state of each.
#[derive(Debug)]
pub struct Files {
    origin: Origin,
    files: BTreeMap<PathBuf, File>,
    merged: Merged,
    /// The files that the configuration names, such as certificates.
    named: BTreeSet<PathBuf>,
    /// True if what templates make is logged, at level debug.
    logs_rendered: bool,
}

/// The configuration at one moment.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Its objects. Those that did not change keep their identity, and so does an unchanged configuration.
    pub config: Arc<Config>,
    /// Findings about the files.
    pub diagnostics: Vec<Diagnostic>,
}

impl Origin {
    /// The path.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::File(path) | Self::Folder(path) => path,
        }
    }
}

/// Returns the files of an origin.
///
/// # Errors
/// The file or the folder cannot be read.
pub fn files_of(origin: &Origin) -> io::Result<Vec<PathBuf>> {
    match origin {
        Origin::File(file) => std::fs::metadata(file).map(|_| vec![file.clone()]),
        Origin::Folder(folder) => {
            std::fs::read_dir(folder)?;
            Ok(walk::files(folder).0.into_iter().collect())
        }
    }
}

/// True if the name of a file is that of one that is read.
#[must_use]
pub fn is_read(file: &Path) -> bool {
    walk::format(file).is_some()
}

impl Files {
    /// The files of an origin; nothing is read yet.
    #[must_use]
    pub fn new(origin: Origin) -> Self {
        Self { origin, files: BTreeMap::new(), merged: Merged::default(), named: BTreeSet::new(), logs_rendered: false }
    }

    /// The same, with what templates make in the log, at level debug.
    #[must_use]
    pub fn logging_rendered(self) -> Self {
        Self { logs_rendered: true, ..self }
    }

    /// Reads the files. One that cannot be used keeps its last good state.
    pub fn read(&mut self) -> Reading {
        let named = RefCell::new(BTreeSet::new());
        let mut problems = Vec::new();
        let found = match &self.origin {
            Origin::File(file) => BTreeSet::from([file.clone()]),
            Origin::Folder(folder) => {
                let (found, errors) = walk::files(folder);
                let unseen = |path: &Path| errors.iter().any(|(broken, _)| path.starts_with(broken));
                self.files.retain(|path, _| found.contains(path) || unseen(path));
                problems.extend(errors.iter().map(|(path, error)| unreadable(path, error)));
                found
            }
        };
        let must_exist = matches!(self.origin, Origin::File(_));
        for path in found {
            let text = std::fs::read(&path).and_then(|bytes| {
                String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
            });
            match text {
                Ok(text) => {
                    let file = self.files.entry(path.clone()).or_default();
                    file.update(&path, &text, self.logs_rendered, &named);
                }
                // It vanished after the folder was listed.
                Err(error) if error.kind() == io::ErrorKind::NotFound && !must_exist => drop(self.files.remove(&path)),
                Err(error) => {
                    let file = self.files.entry(path.clone()).or_default();
                    file.problem = Some(file.kept(unreadable(&path, &error)));
                }
            }
        }
        self.named = named.into_inner();
        let good = self.files.iter().filter_map(|(path, file)| Some((path.as_path(), file.good.as_ref()?)));
        problems.extend(self.merged.update(good));
        for (path, file) in &self.files {
            match (&file.problem, &file.good) {
                (Some(problem), _) => problems.push(problem.clone()),
                (None, Some(good)) => problems.extend(good.findings(path)),
                (None, None) => {}
            }
        }
        Reading { config: Arc::clone(&self.merged.config), diagnostics: problems }
    }

    /// True if a file was emptied just now, as some editors do before they write it: it must be read again soon.
    #[must_use]
    pub fn has_emptied_file(&self) -> bool {
        self.files.values().any(|file| file.emptied)
    }

    /// The files beside those of the origin whose changes matter, as absolute paths: those that the configuration names,
    /// such as certificates, and links, which may lead elsewhere.
    #[must_use]
    pub fn beside(&self) -> BTreeSet<PathBuf> {
        let links = self.files.keys().filter(|path| path.is_symlink());
        self.named.iter().chain(links).filter_map(|path| std::path::absolute(path).ok()).collect()
    }

    /// The file and line of the router of this name, or of the one that this is a copy of: an entry point's name and a
    /// dash may come before it.
    #[must_use]
    pub fn router(&self, name: &str) -> Option<String> {
        let dashes = name.match_indices('-').filter_map(|(dash, _)| name.get(dash + 1..));
        std::iter::once(name).chain(dashes).find_map(|name| self.place_of_router(name))
    }

    fn place_of_router(&self, name: &str) -> Option<String> {
        let (path, file) = self
            .files
            .iter()
            .find(|(_, file)| file.good.as_ref().is_some_and(|good| good.decoded.objects.routers.contains_key(name)))?;
        let keys = ["http", "routers", name].map(str::to_owned);
        Some(file.good.as_ref()?.place(path, &keys, true))
    }

    /// The number of objects.
    #[must_use]
    pub fn objects(&self) -> usize {
        self.files.values().filter_map(|file| file.good.as_ref()).map(|good| good.decoded.objects.len()).sum()
    }
}
