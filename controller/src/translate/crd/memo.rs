use crate::translate::claims::{Claims, Owner};
use crate::translate::findings::Findings;
use crate::view::{Dirty, Keys, ObjectKey, Reference};
use flow_model::diagnostic::Diagnostic;
use flow_model::name::Name;
use hashbrown::HashMap;
use std::sync::Arc;

/// The translation of one custom resource.
pub(super) struct Translation<T> {
    pub(super) name: Name,
    /// The creation time of the object, in seconds since 1970.
    pub(super) created: i64,
    /// The result; `None` if it cannot be served at all.
    pub(super) value: Option<T>,
    /// Secrets and ConfigMaps that were read for it.
    pub(super) reads: Vec<Reference>,
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// The translations of one kind, each kept until its object or what it reads changes.
#[derive(Debug)]
pub(super) struct Memo<T> {
    kind: &'static str,
    entries: HashMap<ObjectKey, Entry, foldhash::fast::RandomState>,
    findings: Findings<ObjectKey>,
    claims: Claims<T>,
}

#[derive(Debug)]
struct Entry {
    name: Name,
    /// The creation time of the object, in seconds since 1970.
    created: i64,
    reads: Box<[Reference]>,
}

impl<T: PartialEq> Memo<T> {
    /// Nothing yet of this kind.
    pub(super) fn new(kind: &'static str) -> Self {
        Self { kind, entries: HashMap::default(), findings: Findings::default(), claims: Claims::default() }
    }

    /// Translates again the objects that changed, or that read something that changed. True if the outcome differs.
    pub(super) fn update(
        &mut self,
        objects: &Keys,
        dirty: &Dirty,
        translate: impl Fn(&ObjectKey) -> Option<Translation<T>>,
    ) -> bool {
        let mut keys = objects.clone();
        if !(dirty.secrets.is_empty() && dirty.config_maps.is_empty()) {
            let is_dirty = |reference: &Reference| match reference {
                Reference::ConfigMap(key) => dirty.config_maps.contains(key),
                Reference::Secret(key) => dirty.secrets.contains(key),
            };
            let readers = self.entries.iter().filter(|(_, entry)| entry.reads.iter().any(is_dirty));
            keys.extend(readers.map(|(key, _)| key.clone()));
        }
        let changed = keys.iter().fold(false, |changed, key| self.replace(key, translate(key)) | changed);
        self.claims.end_round();
        changed
    }

    fn replace(&mut self, key: &ObjectKey, translation: Option<Translation<T>>) -> bool {
        let owner = |created| Owner::new(created, self.kind, key.clone());
        let mut changed = false;
        let old = self.entries.remove(key);
        let mut diagnostics = Vec::new();
        let mut has_value = false;
        if let Some(translation) = translation {
            let Translation { name, created, value, reads, diagnostics: found } = translation;
            if let Some(value) = value {
                has_value = true;
                changed |= self.claims.claim_equal(&name, owner(created), &mut Arc::new(value));
            }
            diagnostics = found;
            self.entries.insert(key.clone(), Entry { name, created, reads: reads.into() });
        }
        if let Some(old) = old {
            // An object's name follows from its key, so only its age can make another owner of it.
            let same = has_value && self.entries.get(key).is_some_and(|new| new.created == old.created);
            changed |= !same && self.claims.release(&old.name, &owner(old.created));
        }
        self.findings.set(key, diagnostics) | changed
    }
}

impl<T: PartialEq> Memo<T> {
    /// Returns the claims.
    pub(super) const fn claims(&self) -> &Claims<T> {
        &self.claims
    }

    /// Returns findings about the objects, and about names that several claim.
    pub(super) fn diagnostics(&self) -> Vec<Diagnostic> {
        let mut all = self.findings.all();
        for (name, owners) in self.claims.contested() {
            let Some((winner, losers)) = owners.split_first() else { continue };
            all.extend(losers.iter().map(|loser| {
                Diagnostic::error(
                    loser.key.subject(self.kind),
                    format!("the name {name} is already that of {}", winner.key),
                )
            }));
        }
        all
    }
}
