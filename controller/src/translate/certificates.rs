use super::pem::{self, Unusable};
use crate::view::{Keys, ObjectKey, View};
use flow_model::config::Certificate;
use flow_model::name::Name;
use hashbrown::HashMap;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The certificates that objects name, each read once.
#[derive(Debug, Default)]
pub(super) struct Certificates {
    all: HashMap<ObjectKey, Entry, foldhash::fast::RandomState>,
    /// The usable ones, in the order in which they are tried: by `namespace-secret`.
    usable: BTreeMap<(Name, ObjectKey), Arc<Certificate>>,
}

#[derive(Debug)]
struct Entry {
    error: Option<Unusable>,
    users: Keys,
}

impl Certificates {
    /// Returns the usable certificates, in order.
    pub(super) fn list(&self) -> Vec<Arc<Certificate>> {
        self.usable.values().cloned().collect()
    }

    /// Adds an object to a Secret's users: returns the problem of the Secret, and true if this changes the list.
    pub(super) fn add_user(&mut self, secret: &ObjectKey, user: &ObjectKey, view: &View) -> (Option<Unusable>, bool) {
        let mut changed = false;
        if !self.all.contains_key(secret) {
            let error = self.read(secret, view).err();
            changed = error.is_none();
            self.all.insert(secret.clone(), Entry { error, users: Keys::default() });
        }
        let Some(entry) = self.all.get_mut(secret) else { return (None, changed) };
        entry.users.insert(user.clone());
        (entry.error.clone(), changed)
    }

    /// Removes an object from a Secret's users. True if that changes the list.
    pub(super) fn remove_user(&mut self, secret: &ObjectKey, user: &ObjectKey) -> bool {
        let Some(entry) = self.all.get_mut(secret) else { return false };
        entry.users.remove(user);
        if !entry.users.is_empty() {
            return false;
        }
        self.all.remove(secret);
        self.usable.remove(&order(secret)).is_some()
    }

    /// Reads the changed Secrets again. Objects affected by it go into `affected`.
    pub(super) fn refresh(&mut self, dirty: &Keys, view: &View, affected: &mut Keys) -> bool {
        let mut changed = false;
        for secret in dirty.iter().filter(|secret| self.all.contains_key(*secret)).cloned().collect::<Vec<_>>() {
            let error = match self.read(&secret, view) {
                Ok(fresh) => {
                    changed |= fresh;
                    None
                }
                Err(error) => {
                    changed |= self.usable.remove(&order(&secret)).is_some();
                    Some(error)
                }
            };
            if let Some(entry) = self.all.get_mut(&secret)
                && entry.error != error
            {
                entry.error = error;
                affected.extend(entry.users.iter().cloned());
            }
        }
        changed
    }

    /// Reads a Secret. True if it is new or differs.
    fn read(&mut self, secret: &ObjectKey, view: &View) -> Result<bool, Unusable> {
        let certificate = pem::certificate(view, secret)?;
        let key = order(secret);
        if self.usable.get(&key).is_some_and(|old| **old == certificate) {
            return Ok(false);
        }
        self.usable.insert(key, Arc::new(certificate));
        Ok(true)
    }
}

fn order(secret: &ObjectKey) -> (Name, ObjectKey) {
    (format!("{}-{}", secret.namespace, secret.name).into(), secret.clone())
}
