//! The files: one for each object, written atomically, readable by the owner only.

use crate::objects::Key;
use crate::planner::{Kind, Object};
use crate::store::memory::Change;
use crate::view::View;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// The reason for which the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It is locked by another process.
    #[error("{0} is in use by another process")]
    Busy(PathBuf),
    /// A file with other content.
    #[error("{path} cannot be understood")]
    Content {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// A file or folder that cannot be read or written.
    #[error("{path} cannot be read or written")]
    Io {
        /// The file or the folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

fn io_at(path: &Path) -> impl FnOnce(io::Error) -> FolderError + '_ {
    move |source| FolderError::Io { path: path.to_owned(), source }
}

const KINDS: [(Kind, &str); 6] = [
    (Kind::Certificate, "certificates"),
    (Kind::CertificateRequest, "certificaterequests"),
    (Kind::Challenge, "challenges"),
    (Kind::Issuer, "issuers"),
    (Kind::Order, "orders"),
    (Kind::Secret, "secrets"),
];

#[derive(Debug)]
pub(super) struct Files {
    folder: PathBuf,
    /// The lock, held as long as the store lives.
    _lock: File,
}

impl Files {
    pub(super) fn open(folder: &Path) -> Result<(Self, View), FolderError> {
        make(folder)?;
        let path = folder.join("lock");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let lock = lock.map_err(io_at(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(FolderError::Busy(folder.to_owned())),
            Err(TryLockError::Error(source)) => return Err(FolderError::Io { path, source }),
        }
        for (_, name) in KINDS {
            make(&folder.join(name))?;
        }
        let view = view(folder)?;
        Ok((Self { folder: folder.to_owned(), _lock: lock }, view))
    }

    /// Writes the changes to the folder.
    pub(super) fn keep(&self, changes: &[Change]) -> Result<(), FolderError> {
        for (kind, key, object) in changes {
            let path = self.folder.join(dir(*kind)).join(file_name(key));
            match object {
                None => match fs::remove_file(&path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_at(&path)(error)),
                    _ => {}
                },
                Some(Object::Certificate(object)) => put(&path, object)?,
                Some(Object::CertificateRequest(object)) => put(&path, object)?,
                Some(Object::Challenge(object)) => put(&path, object)?,
                Some(Object::Issuer(object)) => put(&path, object)?,
                Some(Object::Order(object)) => put(&path, object)?,
                Some(Object::Secret(object)) => put(&path, object)?,
            }
        }
        Ok(())
    }
}

/// Reads the content of a folder.
pub(super) fn view(folder: &Path) -> Result<View, FolderError> {
    let read = |kind: Kind| folder.join(dir(kind));
    Ok(View {
        certificates: all(&read(Kind::Certificate), |o: &crate::objects::Certificate| o.key())?,
        requests: all(&read(Kind::CertificateRequest), |o: &crate::objects::CertificateRequest| o.key())?,
        challenges: all(&read(Kind::Challenge), |o: &crate::objects::Challenge| o.key())?,
        issuers: all(&read(Kind::Issuer), |o: &crate::objects::Issuer| o.key())?,
        orders: all(&read(Kind::Order), |o: &crate::objects::Order| o.key())?,
        secrets: all(&read(Kind::Secret), |o: &crate::objects::Secret| o.key())?,
        ..View::default()
    })
}

/// Checks that a folder could be created, or read and written if it exists. The file written for this is removed.
pub(super) fn check(folder: &Path) -> Result<(), FolderError> {
    let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or_else(|| Path::new("."));
    let there = if there == Path::new("") { Path::new(".") } else { there };
    let probe = there.join(format!(".flow-proxy-{}", std::process::id()));
    OpenOptions::new().create_new(true).write(true).mode(0o600).open(&probe).map_err(io_at(there))?;
    fs::remove_file(&probe).map_err(io_at(&probe))?;
    if there == folder && KINDS.iter().all(|(_, name)| folder.join(name).is_dir()) {
        view(folder)?;
    }
    Ok(())
}

fn dir(kind: Kind) -> &'static str {
    KINDS.iter().find(|(known, _)| *known == kind).map_or("other", |(_, name)| name)
}

/// Returns a file name for any key: characters that could do harm are written as `%xx`.
fn file_name(key: &Key) -> String {
    let mut out = String::new();
    for part in [&key.namespace, &key.name] {
        for byte in part.bytes() {
            if byte.is_ascii_alphanumeric() || byte == b'-' || (byte == b'.' && !out.is_empty()) {
                out.push(char::from(byte));
            } else {
                out.push_str(&format!("%{byte:02x}"));
            }
        }
        out.push('_');
    }
    out.pop();
    out.push_str(".json");
    out
}

fn make(folder: &Path) -> Result<(), FolderError> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io_at(folder))?;
    // An existing folder may have been readable by others.
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(io_at(folder))
}

fn put(path: &Path, object: &impl Serialize) -> Result<(), FolderError> {
    let json =
        serde_json::to_vec_pretty(object).map_err(|source| FolderError::Content { path: path.to_owned(), source })?;
    let new = path.with_extension("new");
    let _ = fs::remove_file(&new);
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&new).map_err(io_at(&new))?;
    file.write_all(&json).and_then(|()| file.sync_all()).map_err(io_at(&new))?;
    fs::rename(&new, path).map_err(io_at(path))?;
    if let Some(folder) = path.parent() {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(io_at(folder))?;
    }
    Ok(())
}

fn all<T: DeserializeOwned>(folder: &Path, key: impl Fn(&T) -> Key) -> Result<crate::view::Objects<T>, FolderError> {
    let mut found = crate::view::Objects::default();
    for entry in fs::read_dir(folder).map_err(io_at(folder))? {
        let path = entry.map_err(io_at(folder))?.path();
        // Other files were being written when the process died.
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let bytes = fs::read(&path).map_err(io_at(&path))?;
        let object: T =
            serde_json::from_slice(&bytes).map_err(|source| FolderError::Content { path: path.clone(), source })?;
        found.insert(key(&object), std::sync::Arc::new(object));
    }
    Ok(found)
}
