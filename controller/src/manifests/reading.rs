//! A folder as it was last read: its objects, and findings.

mod places;

pub use places::Places;

use super::declarations::{self, Declaration, Declarations};
use super::document::documents;
use super::folder::files;
use super::object::{Other, Read, manifests, object_name, read};
use super::selection::Selection;
use super::stray::{self, Stray};
use crate::crd::of_manifest;
use crate::view::ingress::Ingress;
use crate::view::{IngressClass, Kind, Object, ObjectKey, View};
use flow_model::diagnostic::{Diagnostic, Subject, causes};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::error::Error;
use std::hash::{BuildHasher, Hasher};
use std::path::{Path, PathBuf};
use tracing::info;

/// The class of the implied IngressClass, if the folder holds no class.
const USUAL_CLASS: &str = "traefik";

/// A folder of manifests and what was read of it.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    /// The class that is served; empty is any.
    class: String,
    selection: Selection,
    files: BTreeMap<PathBuf, File>,
    problems: Vec<Diagnostic>,
    others: BTreeSet<String>,
    hasher: foldhash::fast::FixedState,
}

#[derive(Debug, Default)]
struct File {
    hash: u64,
    objects: Vec<Entry>,
    /// Its declarations about certificates, with the line of each.
    declarations: Vec<(Declaration, usize)>,
    problems: Vec<Diagnostic>,
    /// Findings about content without effect.
    notes: Vec<Diagnostic>,
    /// True if it was found empty, once.
    emptied: bool,
}

#[derive(Debug)]
struct Entry {
    object: Object,
    line: usize,
    default_class: bool,
}

/// The last definition of every object, and its file.
type Latest<'a> = HashMap<(Kind, &'a ObjectKey), (&'a Path, &'a Entry)>;

impl Entry {
    fn address(&self) -> (Kind, &ObjectKey) {
        (self.object.kind(), self.object.key())
    }
}

impl Folder {
    pub(super) fn new(root: PathBuf, class: &str) -> Self {
        Self {
            root,
            class: if class.is_empty() { USUAL_CLASS.to_owned() } else { class.to_owned() },
            selection: Selection::default(),
            files: BTreeMap::new(),
            problems: Vec::new(),
            others: BTreeSet::new(),
            hasher: foldhash::fast::FixedState::default(),
        }
    }

    /// Restricts the folder to the manifests that are selected.
    pub(super) fn selecting(self, selection: Selection) -> Self {
        Self { selection, ..self }
    }

    /// Reads changed files. A file that cannot be read keeps its earlier content.
    pub(super) fn read(&mut self) {
        let (found, errors) = files(&self.root);
        self.files.retain(|path, _| found.contains(path) || errors.iter().any(|(broken, _)| path.starts_with(broken)));
        self.problems = errors.iter().map(|(path, error)| problem(&self.root, path, None, error)).collect();
        for path in found {
            match std::fs::read(&path) {
                Ok(bytes) => self.file(path, &String::from_utf8_lossy(&bytes)),
                // It vanished after the folder was listed.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => drop(self.files.remove(&path)),
                Err(error) => self.problems.push(problem(&self.root, &path, None, &error)),
            }
        }
    }

    /// True if a file was emptied just now, as some editors do before they write it: it must be read again soon.
    pub(super) fn has_emptied_file(&self) -> bool {
        self.files.values().any(|file| file.emptied)
    }

    fn file(&mut self, path: PathBuf, text: &str) {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(text.as_bytes());
        let hash = hasher.finish();
        let mut old = self.files.remove(&path).unwrap_or_default();
        if old.hash == hash {
            self.files.insert(path, old);
            return;
        }
        if text.is_empty() && !old.objects.is_empty() && !old.emptied {
            old.emptied = true;
            self.files.insert(path, old);
            return;
        }
        let mut new = File { hash, ..File::default() };
        for document in documents(text) {
            let line = document.line;
            match document.content {
                Ok(content) => {
                    for manifest in manifests(content) {
                        self.manifest(&mut new, manifest, &path, line);
                    }
                }
                Err(error) => {
                    let mut problem = problem(&self.root, &path, Some(error.line(line)), &error);
                    if document.is_template {
                        problem.message = format!("{}; it cannot be read: {}", Stray::Template, problem.message);
                    }
                    new.problems.push(problem);
                }
            }
        }
        if !new.problems.is_empty() {
            let good: HashSet<_> = new.objects.iter().map(|e| (e.object.kind(), e.object.key().clone())).collect();
            let kept = old.objects.into_iter().filter(|e| !good.contains(&(e.object.kind(), e.object.key().clone())));
            new.objects.extend(kept);
            let kept = old
                .declarations
                .into_iter()
                .filter(|(old, _)| !new.declarations.iter().any(|(new, _)| new.is_same_object(old)));
            let kept: Vec<_> = kept.collect();
            new.declarations.extend(kept);
        }
        self.files.insert(path, new);
    }

    fn manifest(&mut self, file: &mut File, manifest: Value, path: &Path, line: usize) {
        match stray::of(path, &manifest) {
            // It may have been an object before it broke.
            Some(stray @ Stray::Unknown) => {
                return file.problems.push(problem(&self.root, path, Some(line), &stray));
            }
            Some(stray) => return file.notes.push(note(&self.root, path, line, stray.to_string())),
            None => {}
        }
        if !self.selection.takes(&manifest) {
            return;
        }
        if declarations::is_own(&manifest) {
            return match declarations::read_own(manifest) {
                Ok(declaration) => file.declarations.push((declaration, line)),
                Err(error) => file.problems.push(problem(&self.root, path, Some(line), &error)),
            };
        }
        let ignored = of_manifest(&manifest);
        if !ignored.is_empty() {
            let object = object_name(&manifest);
            let notes = ignored.into_iter().map(|text| note(&self.root, path, line, format!("{object}: {text}")));
            file.notes.extend(notes);
        }
        let all = match read(manifest) {
            Ok(all) => all,
            Err(error) => return file.problems.push(problem(&self.root, path, Some(line), &error)),
        };
        for one in all {
            match one {
                Read::Object(object) => file.objects.push(Entry { object, line, default_class: false }),
                Read::DefaultClass(object) => file.objects.push(Entry { object, line, default_class: true }),
                Read::Declaration(declaration) => file.declarations.push((declaration, line)),
                Read::Other(other) => match other.finding() {
                    Some(finding) => file.notes.push(note(&self.root, path, line, finding)),
                    None => self.unrelated(&other, path),
                },
            }
        }
    }

    /// Reports once for a kind that has nothing to do with a proxy that it is not read.
    fn unrelated(&mut self, other: &Other, path: &Path) {
        let kind = format!("{} {}", other.kind, other.api_version);
        if !self.others.contains(&kind) {
            info!(kind, file = %path.display(), "manifests of this kind are not read");
            self.others.insert(kind);
        }
    }

    /// Returns what the folder declares about certificates.
    pub(super) fn declarations(&self) -> Declarations {
        let mut declarations = Declarations::default();
        self.files
            .values()
            .flat_map(|file| &file.declarations)
            .for_each(|(declaration, _)| declarations.add(declaration.clone()));
        declarations
    }

    /// Puts the folder's objects into the view; returns findings.
    pub(super) fn show(&self, view: &mut View) -> Vec<Diagnostic> {
        let mut problems = self.problems.clone();
        let mut last = Latest::new();
        for (path, file) in &self.files {
            problems.extend(file.problems.iter().chain(&file.notes).cloned());
            for entry in &file.objects {
                if let Some((other, earlier)) = last.insert(entry.address(), (path, entry)) {
                    let (kind, key) = entry.address();
                    problems.push(Diagnostic::warning(
                        key.subject(kind.name()),
                        format!(
                            "It is defined twice, the last is used: {} and {}",
                            place(&self.root, other, Some(earlier.line)),
                            place(&self.root, path, Some(entry.line)),
                        ),
                    ));
                }
            }
        }
        let default = self.default_class(&last);
        let implied = self.implied_class(&last);
        for kind in Kind::all() {
            let implied =
                |key: &ObjectKey| implied.as_ref().is_some_and(|c| kind == Kind::IngressClass && c.key == *key);
            for key in view.keys(kind).into_iter().filter(|key| !last.contains_key(&(kind, key)) && !implied(key)) {
                view.delete(kind, &key);
            }
        }
        // Secrets and ConfigMaps come last: the view takes only those that are named by then.
        let (named, others): (Vec<_>, Vec<_>) = last
            .values()
            .map(|(_, entry)| &entry.object)
            .partition(|o| matches!(o, Object::Secret(_) | Object::ConfigMap(_)));
        view_all(view, implied.map(Object::IngressClass));
        view_all(view, others.into_iter().map(|object| with_class(object, default.as_deref())));
        view_all(view, named.into_iter().cloned());
        view.take_wanted();
        problems
    }

    /// Returns the class that Ingresses without one get, as by an API server's admission.
    fn default_class(&self, last: &Latest<'_>) -> Option<String> {
        last.values().filter(|(_, e)| e.default_class).map(|(_, e)| e.object.key().name.to_string()).min()
    }

    /// Returns the implied class if the folder holds no class at all.
    fn implied_class(&self, last: &Latest<'_>) -> Option<IngressClass> {
        let any = last.keys().any(|(kind, _)| *kind == Kind::IngressClass);
        (!any && self.selection.classes).then(|| IngressClass { key: ObjectKey::new("", &self.class), ours: true })
    }
}

fn view_all(view: &mut View, objects: impl IntoIterator<Item = Object>) {
    for object in objects {
        view.apply(object);
    }
}

fn with_class(object: &Object, default: Option<&str>) -> Object {
    match (object, default) {
        (Object::Ingress(ingress), Some(class))
            if ingress.class_name.is_none() && ingress.annotations.class().is_empty() =>
        {
            Object::Ingress(Ingress { class_name: Some(class.into()), ..ingress.clone() })
        }
        _ => object.clone(),
    }
}

fn problem(root: &Path, path: &Path, line: Option<usize>, error: &dyn Error) -> Diagnostic {
    Diagnostic::error(Subject::new("Manifest", "", place(root, path, line)), causes(error))
}

fn note(root: &Path, path: &Path, line: usize, message: String) -> Diagnostic {
    Diagnostic::warning(Subject::new("Manifest", "", place(root, path, Some(line))), message)
}

fn place(root: &Path, path: &Path, line: Option<usize>) -> String {
    let path = path.strip_prefix(root).ok().filter(|rest| *rest != Path::new("")).unwrap_or(path);
    line.map_or_else(|| path.display().to_string(), |line| format!("{}:{line}", path.display()))
}
