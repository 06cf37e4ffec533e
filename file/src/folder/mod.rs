//! A file, or the files of a folder, as they were last read: their objects, and findings.

mod merge;
#[cfg(test)]
mod tests;
mod walk;

use crate::decode::{Broken, Decoded, Format, Place, decode, locate};
use crate::template::render;
use flow_model::config::Config;
use flow_model::diagnostic::{Diagnostic, Severity, Subject};
use merge::Merged;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tracing::debug;

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

/// One file.
#[derive(Debug, Default)]
struct File {
    /// The last good state.
    good: Option<Good>,
    /// The reason why it is not the present state.
    problem: Option<Diagnostic>,
    /// True if it was found empty, once.
    emptied: bool,
}

#[derive(Debug)]
struct Good {
    /// The text, as a template made it if it is one.
    text: String,
    is_rendered: bool,
    format: Format,
    decoded: Decoded,
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

    /// The files that the configuration names, such as certificates, as absolute paths.
    #[must_use]
    pub fn named(&self) -> BTreeSet<PathBuf> {
        self.named.iter().filter_map(|path| std::path::absolute(path).ok()).collect()
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

impl File {
    /// Takes the present text.
    fn update(&mut self, path: &Path, text: &str, logs_rendered: bool, named: &RefCell<BTreeSet<PathBuf>>) {
        let was_emptied = std::mem::take(&mut self.emptied);
        if text.is_empty() && !was_emptied && self.good.as_ref().is_some_and(|good| !good.text.is_empty()) {
            self.emptied = true;
            return;
        }
        let read = |file: &Path| {
            named.borrow_mut().insert(file.to_owned());
            std::fs::read(file)
        };
        let Some(format) = walk::format(path) else {
            self.problem = Some(problem(path.display().to_string(), "the name must end in .toml, .yaml or .yml"));
            return;
        };
        let text = match render(text) {
            Ok(text) => text,
            Err(broken) => return self.broken(path, false, broken),
        };
        let is_rendered = matches!(text, Cow::Owned(_));
        if is_rendered && logs_rendered && self.good.as_ref().is_none_or(|good| good.text != text) {
            debug!(file = %path.display(), "rendered: {text}");
        }
        match decode(&text, format, &path.display().to_string(), &read) {
            Ok(decoded) => {
                self.problem = None;
                self.good = Some(Good { text: text.into_owned(), is_rendered, format, decoded });
            }
            Err(broken) => self.broken(path, is_rendered, broken),
        }
    }

    fn broken(&mut self, path: &Path, is_rendered: bool, Broken { place, message }: Broken) {
        self.problem = Some(self.kept(problem(place_in(path, is_rendered, place), message)));
    }

    /// The problem, with what is served meanwhile.
    fn kept(&self, mut problem: Diagnostic) -> Diagnostic {
        if self.good.is_some() {
            problem.message.push_str("; the file's last good state is served");
        }
        problem
    }
}

impl Good {
    /// The place of a key or of its value.
    fn place(&self, path: &Path, keys: &[String], at_key: bool) -> String {
        place_in(path, self.is_rendered, locate(&self.text, self.format, keys, at_key))
    }

    fn findings(&self, path: &Path) -> Vec<Diagnostic> {
        let finding = |found: &crate::decode::Finding| {
            let subject = Subject::new(KIND, "", self.place(path, &found.path, true));
            let what = found.path.join(".");
            let message = if what.is_empty() { found.message.clone() } else { format!("{what}: {}", found.message) };
            match found.severity {
                Severity::Error => Diagnostic::error(subject, message),
                Severity::Warning => Diagnostic::warning(subject, message),
            }
        };
        self.decoded.findings.iter().map(finding).collect()
    }
}

/// A place in a file, or in the text that it made as a template.
fn place_in(path: &Path, is_rendered: bool, place: Option<Place>) -> String {
    let (path, of) = (path.display(), if is_rendered { " (rendered)" } else { "" });
    place.map_or_else(|| path.to_string(), |at| format!("{path}{of}:{}:{}", at.line, at.column))
}

fn problem(place: String, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(Subject::new(KIND, "", place), message)
}

fn unreadable(path: &Path, error: &io::Error) -> Diagnostic {
    problem(path.display().to_string(), format!("it cannot be read: {error}"))
}
