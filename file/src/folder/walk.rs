use crate::decode::Format;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

/// The deepest level of folders that is read.
const MAX_DEPTH: usize = 32;

/// Returns the `.toml`, `.yaml` and `.yml` files below `root`, sorted by path as Traefik reads them. Links to files are
/// followed, links to folders are not (as in Traefik). Names that begin with two dots are left out: a mounted ConfigMap
/// holds its files a second time below such a folder.
///
/// # Errors
/// Folders (`root` or below) that cannot be listed, beside the files found elsewhere.
pub(super) fn files(root: &Path) -> (BTreeSet<PathBuf>, Vec<(PathBuf, io::Error)>) {
    let (mut files, mut errors) = (BTreeSet::new(), Vec::new());
    folder(root, 0, &mut files, &mut errors);
    (files, errors)
}

fn folder(path: &Path, depth: usize, files: &mut BTreeSet<PathBuf>, errors: &mut Vec<(PathBuf, io::Error)>) {
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) => return errors.push((path.to_owned(), error)),
    };
    for entry in entries.filter_map(Result::ok) {
        if entry.file_name().as_encoded_bytes().starts_with(b"..") {
            continue;
        }
        // Files that vanished meanwhile are skipped.
        let Ok(kind) = entry.file_type() else { continue };
        let path = entry.path();
        if kind.is_dir() {
            if depth < MAX_DEPTH {
                folder(&path, depth + 1, files, errors);
            }
        } else if format(&path).is_some() && std::fs::metadata(&path).is_ok_and(|file| file.is_file()) {
            files.insert(path);
        }
    }
}

/// Returns the language of a file by its name; `None` if it is not read.
pub(super) fn format(path: &Path) -> Option<Format> {
    let extension = path.extension()?.to_ascii_lowercase();
    match extension.to_str()? {
        "toml" => Some(Format::Toml),
        "yaml" | "yml" => Some(Format::Yaml),
        _ => None,
    }
}
