//! Objects in a state folder: certificates without a cluster.
//!
//! What people declare (issuers, Certificates, Ingresses, Secrets from manifests or from a static configuration) comes
//! in by [`FolderStore::declare`]. Everything derived from it is in the folder, one file for each object.

mod files;
mod served;

#[cfg(test)]
mod tests;

pub use crate::planner::Trouble;
pub use files::FolderError;
pub use served::Served;

use super::memory::{Change, Memory, uid};
use super::{Replicas, Store, StoreError};
use crate::objects::{Certificate, Issuer, Key, Meta, Object as Thing, Secret};
use crate::planner::{Event, EventType, Kind, Object, Write};
use crate::view::{IngressFacts, Settings, View};
use async_trait::async_trait;
use files::Files;
use jiff::Timestamp;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::watch;

/// Annotation of declared objects: they are removed when they are no longer declared.
const DECLARED: &str = "flow-proxy.ominis.ai/declared";

/// The objects that people declare, from any source. Their status, uid and version are ignored.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    /// Issuers. Cluster issuers have an empty namespace.
    pub issuers: Vec<Issuer>,
    /// Certificates.
    pub certificates: Vec<Certificate>,
    /// Secrets: keys of accounts and bindings. They are not written to the folder.
    pub secrets: Vec<Secret>,
    /// Ingresses that may ask for certificates.
    pub ingresses: Vec<IngressFacts>,
}

/// A store in a folder, for one process at a time.
pub struct FolderStore {
    inner: Mutex<Inner>,
    changes: watch::Sender<u64>,
    settings: Settings,
    clock: fn() -> Timestamp,
}

struct Inner {
    memory: Memory,
    view: Arc<View>,
    files: Files,
    declared_secrets: BTreeSet<Key>,
}

impl FolderStore {
    /// Opens a state folder, or creates it, readable by its owner only. `settings` are used to plan its certificates.
    ///
    /// # Errors
    /// [`FolderError::Busy`] if another process has it, [`FolderError::Content`], [`FolderError::Io`].
    pub fn open(folder: &Path, settings: Settings) -> Result<Self, FolderError> {
        let (files, view) = Files::open(folder)?;
        let memory = Memory::with(view);
        let view = Arc::new(memory.view.clone());
        let inner = Inner { memory, view, files, declared_secrets: BTreeSet::new() };
        Ok(Self { inner: Mutex::new(inner), changes: watch::channel(0).0, settings, clock: Timestamp::now })
    }

    /// Checks that [`FolderStore::open`] could work, and changes nothing. Another process may be using the folder.
    ///
    /// # Errors
    /// [`FolderError::Content`], [`FolderError::Io`].
    pub fn check(folder: &Path) -> Result<(), FolderError> {
        files::check(folder)
    }

    /// Returns the objects in a folder that no process has to have open.
    ///
    /// # Errors
    /// [`FolderError::Content`], [`FolderError::Io`].
    pub fn read(folder: &Path) -> Result<View, FolderError> {
        files::view(folder)
    }

    /// Returns the issued certificates and the problems of the others.
    #[must_use]
    pub fn served(&self) -> Served {
        Served::of(&self.view(), &self.settings)
    }

    /// Replaces what was declared before. Issued Secrets always stay.
    ///
    /// # Errors
    /// [`FolderError::Io`].
    pub fn declare(&self, declared: Declared) -> Result<(), FolderError> {
        let now = (self.clock)();
        let mut inner = self.inner.lock();
        let mut changes = Vec::new();
        let mut wanted = BTreeSet::new();
        for issuer in declared.issuers {
            wanted.insert((Kind::Issuer, issuer.key()));
            let present = inner.memory.view.issuers.get(&issuer.key()).cloned();
            let write = upsert(Kind::Issuer, present.as_deref(), issuer);
            changes.extend(write.map(|write| inner.memory.write(&write, now)));
        }
        for certificate in declared.certificates {
            wanted.insert((Kind::Certificate, certificate.key()));
            let present = inner.memory.view.certificates.get(&certificate.key()).cloned();
            let write = upsert(Kind::Certificate, present.as_deref(), certificate);
            changes.extend(write.map(|write| inner.memory.write(&write, now)));
        }
        inner.memory.view.ingresses = declared.ingresses.into_iter().map(named).collect();
        for (kind, key, uid) in undeclared(&inner.memory.view, &wanted) {
            changes.push(inner.memory.write(&Write::Delete { kind, key, uid }, now));
        }
        let changes: Vec<Change> = changes.into_iter().filter_map(Result::ok).flatten().collect();
        inner.declare_secrets(declared.secrets);
        inner.files.keep(&changes)?;
        inner.view = Arc::new(inner.memory.view.clone());
        drop(inner);
        self.changes.send_modify(|n| *n += 1);
        Ok(())
    }

    /// Adds Secrets that do not exist yet: certificates issued elsewhere. Returns the number added.
    ///
    /// # Errors
    /// [`FolderError::Io`].
    pub fn import(&self, secrets: Vec<Secret>) -> Result<usize, FolderError> {
        let now = (self.clock)();
        let mut inner = self.inner.lock();
        let taken =
            secrets.into_iter().filter_map(|secret| inner.memory.write(&Write::Create(secret.into()), now).ok());
        let taken: Vec<Change> = taken.collect::<Vec<_>>().into_iter().flatten().collect();
        inner.files.keep(&taken)?;
        inner.view = Arc::new(inner.memory.view.clone());
        drop(inner);
        self.changes.send_modify(|n| *n += 1);
        Ok(taken.len())
    }
}

impl Inner {
    /// Adds declared Secrets to the view but not to the folder. A Secret of the same name in the folder has priority.
    fn declare_secrets(&mut self, secrets: Vec<Secret>) {
        for key in std::mem::take(&mut self.declared_secrets) {
            self.memory.view.secrets.remove(&key);
        }
        for mut secret in secrets {
            let key = secret.key();
            if self.memory.view.secrets.contains_key(&key) {
                continue;
            }
            secret.metadata.uid = uid(Kind::Secret, &secret.metadata, DECLARED);
            self.memory.view.secrets.insert(key.clone(), Arc::new(secret));
            self.declared_secrets.insert(key);
        }
    }
}

fn named(mut ingress: IngressFacts) -> (Key, Arc<IngressFacts>) {
    ingress.metadata.uid = uid(Kind::Ingress, &ingress.metadata, DECLARED);
    (ingress.metadata.key(), Arc::new(ingress))
}

fn upsert<S, T>(kind: Kind, present: Option<&Thing<S, T>>, mut wanted: Thing<S, T>) -> Option<Write>
where
    Thing<S, T>: Into<Object> + Clone,
    S: PartialEq,
    T: Default,
{
    debug_assert!(matches!(kind, Kind::Certificate | Kind::Issuer));
    wanted.metadata.annotations.insert(DECLARED.to_owned(), "true".to_owned());
    let Some(present) = present else {
        wanted.status = T::default();
        return Some(Write::Create(wanted.into()));
    };
    let mut changed = present.clone();
    changed.spec = wanted.spec;
    changed.metadata.labels = wanted.metadata.labels;
    changed.metadata.annotations = wanted.metadata.annotations;
    let same = changed.spec == present.spec && changed.metadata == present.metadata;
    (!same).then(|| Write::Update(changed.into()))
}

/// Returns the objects that are no longer declared, and those of Ingresses that are gone.
fn undeclared(view: &View, wanted: &BTreeSet<(Kind, Key)>) -> Vec<(Kind, Key, String)> {
    let ingresses: BTreeSet<&str> = view.ingresses.values().map(|ingress| ingress.metadata.uid.as_str()).collect();
    let orphaned = |meta: &Meta| {
        meta.controller().is_some_and(|owner| owner.kind == "Ingress" && !ingresses.contains(owner.uid.as_str()))
    };
    let issuers = view.issuers.values().map(|o| (Kind::Issuer, &o.metadata));
    let certificates = view.certificates.values().map(|o| (Kind::Certificate, &o.metadata));
    let gone = issuers.chain(certificates).filter(|(kind, meta)| {
        let declared = meta.annotations.contains_key(DECLARED);
        (declared && !wanted.contains(&(*kind, meta.key()))) || orphaned(meta)
    });
    gone.map(|(kind, meta)| (kind, meta.key(), meta.uid.clone())).collect()
}

impl std::fmt::Debug for FolderStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FolderStore").finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for FolderStore {
    fn view(&self) -> Arc<View> {
        Arc::clone(&self.inner.lock().view)
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn is_leader(&self) -> bool {
        true
    }

    async fn write(&self, write: &Write) -> Result<(), StoreError> {
        let mut inner = self.inner.lock();
        // The write is tried on a copy and stored on disk before it takes effect: a failure leaves the memory
        // unchanged.
        let mut trial = inner.memory.clone();
        let changes = trial.write(write, (self.clock)())?;
        inner.files.keep(&changes).map_err(|error| StoreError::Unavailable(Box::new(error)))?;
        for (kind, key, _) in &changes {
            if *kind == Kind::Secret {
                inner.declared_secrets.remove(key);
            }
        }
        inner.memory = trial;
        inner.view = Arc::new(inner.memory.view.clone());
        drop(inner);
        self.changes.send_modify(|n| *n += 1);
        Ok(())
    }

    async fn report(&self, event: &Event) {
        if event.event_type != EventType::Warning {
            return;
        }
        // Lasting problems are found and logged elsewhere.
        let is_finding = self.served().troubles.iter().any(|trouble| {
            (trouble.kind, &trouble.key) == (event.kind, &event.key)
                && (event.message.contains(&trouble.message) || trouble.message.contains(&event.message))
        });
        if !is_finding {
            tracing::warn!(object = %event.key, reason = event.reason, "{}", event.message);
        }
    }

    async fn replicas(&self) -> Result<Replicas, StoreError> {
        Ok(Replicas::Alone)
    }
}
