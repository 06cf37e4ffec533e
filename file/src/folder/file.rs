//! One file: its last good state, and the reason why that is not the present one.

use super::{KIND, walk};
use crate::decode::{Broken, Decoded, Finding, Format, Place, decode, locate};
use crate::template::render;
use flow_model::diagnostic::{Diagnostic, Severity, Subject};
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use tracing::debug;

/// The number of findings about one file whose place is looked for: each look reads the file again.
pub(super) const MAX_PLACED: usize = 100;

/// One file.
#[derive(Debug, Default)]
pub(super) struct File {
    /// The last good state.
    pub(super) good: Option<Good>,
    /// The reason why it is not the present state.
    pub(super) problem: Option<Diagnostic>,
    /// True if it was found empty, once.
    pub(super) emptied: bool,
}

#[derive(Debug)]
pub(super) struct Good {
    /// The text, as a template made it if it is one.
    text: String,
    is_rendered: bool,
    format: Format,
    pub(super) decoded: Decoded,
}

impl File {
    /// Takes the present text.
    pub(super) fn update(&mut self, path: &Path, text: &str, logs_rendered: bool, named: &RefCell<BTreeSet<PathBuf>>) {
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
    pub(super) fn kept(&self, mut problem: Diagnostic) -> Diagnostic {
        if self.good.is_some() {
            problem.message.push_str("; the file's last good state is served");
        }
        problem
    }
}

impl Good {
    /// The place of a key or of its value.
    pub(super) fn place(&self, path: &Path, keys: &[String], at_key: bool) -> String {
        place_in(path, self.is_rendered, locate(&self.text, self.format, keys, at_key))
    }

    pub(super) fn findings(&self, path: &Path) -> Vec<Diagnostic> {
        let finding = |(index, found): (usize, &Finding)| {
            let place =
                if index < MAX_PLACED { self.place(path, &found.path, true) } else { path.display().to_string() };
            let subject = Subject::new(KIND, "", place);
            let what = found.path.join(".");
            let message = if what.is_empty() { found.message.clone() } else { format!("{what}: {}", found.message) };
            match found.severity {
                Severity::Error => Diagnostic::error(subject, message),
                Severity::Warning => Diagnostic::warning(subject, message),
            }
        };
        self.decoded.findings.iter().enumerate().map(finding).collect()
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

pub(super) fn unreadable(path: &Path, error: &io::Error) -> Diagnostic {
    problem(path.display().to_string(), format!("it cannot be read: {error}"))
}
