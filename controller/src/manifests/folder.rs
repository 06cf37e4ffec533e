//! The files of a folder that hold manifests, in order.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

/// The deepest level of folders that is read.
const MAX_DEPTH: usize = 32;

/// Returns the `.yaml`, `.yml` and `.json` files below `root`, sorted by path. Names that begin with a dot are left
/// out: a mounted ConfigMap or Secret holds its files a second time below `..data`. Links are followed, each folder
/// once.
///
/// # Errors
/// Folders (`root` or below) that cannot be listed, beside the files found elsewhere.
pub(super) fn files(root: &Path) -> (BTreeSet<PathBuf>, Vec<(PathBuf, io::Error)>) {
    let mut found = Found::default();
    found.folder(root, 0);
    (found.files, found.errors)
}

#[derive(Default)]
struct Found {
    files: BTreeSet<PathBuf>,
    errors: Vec<(PathBuf, io::Error)>,
    seen: BTreeSet<PathBuf>,
}

impl Found {
    fn folder(&mut self, folder: &Path, depth: usize) {
        let listed = folder.canonicalize().and_then(|real| Ok((real, std::fs::read_dir(folder)?)));
        let (real, entries) = match listed {
            Ok(listed) => listed,
            Err(error) => return self.errors.push((folder.to_owned(), error)),
        };
        if depth > MAX_DEPTH || !self.seen.insert(real) {
            return;
        }
        let names: BTreeSet<_> = entries.filter_map(Result::ok).map(|entry| entry.file_name()).collect();
        for name in names {
            if name.to_string_lossy().starts_with('.') {
                continue;
            }
            let path = folder.join(name);
            // Follows links; files that vanished meanwhile are skipped.
            let Ok(metadata) = std::fs::metadata(&path) else { continue };
            if metadata.is_dir() {
                self.folder(&path, depth + 1);
            } else if metadata.is_file() && is_manifest(&path) {
                self.files.insert(path);
            }
        }
    }
}

fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    matches!(extension.as_deref(), Some("json" | "yaml" | "yml"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::fs;

    #[test]
    fn finds_manifests_below_and_not_twice() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        fs::create_dir_all(at("sub/deeper")).unwrap();
        fs::create_dir_all(at("..2026")).unwrap();
        for file in ["b.yml", "a.yaml", "sub/deeper/c.JSON", "..2026/d.yaml", ".hidden.yaml", "notes.txt", "a.yaml~"] {
            fs::write(at(file), "").unwrap();
        }
        std::os::unix::fs::symlink("..2026", at("..data")).unwrap();
        std::os::unix::fs::symlink("..data/d.yaml", at("d.yaml")).unwrap();
        std::os::unix::fs::symlink("..", at("sub/loop")).unwrap();
        let (files, errors) = files(root.path());
        let names: Vec<_> = files.iter().map(|f| f.strip_prefix(root.path()).unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["a.yaml", "b.yml", "d.yaml", "sub/deeper/c.JSON"]);
        assert!(errors.is_empty(), "{errors:?}");
    }

    #[test]
    fn a_missing_folder_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        let (files, errors) = files(&root.path().join("missing"));
        assert!(files.is_empty() && errors.len() == 1);
    }
}
