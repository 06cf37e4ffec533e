//! Objects in memory with the behaviour of an API server: versions, generations, deletion together with the owner.

use super::StoreError;
use crate::objects::{Applied, Key, Meta, Object as Thing, Secret};
use crate::planner::{Kind, Object, Write};
use crate::view::View;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The objects and the version of the last write.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    pub(crate) view: View,
    version: u64,
}

/// An object changed by a write, as it is now; `None` if it is deleted.
pub(crate) type Change = (Kind, Key, Option<Object>);

impl Memory {
    /// Starts with existing objects.
    pub(crate) fn with(view: View) -> Self {
        let versions =
            view.certificates.values().map(|o| &o.metadata).chain(view.requests.values().map(|o| &o.metadata));
        let versions = versions.chain(view.orders.values().map(|o| &o.metadata));
        let versions = versions.chain(view.challenges.values().map(|o| &o.metadata));
        let versions = versions.chain(view.issuers.values().map(|o| &o.metadata));
        let versions = versions.chain(view.secrets.values().map(|o| &o.metadata));
        let version = versions.filter_map(|meta| meta.resource_version.parse().ok()).max().unwrap_or(0);
        Self { view, version }
    }

    fn stamp(&mut self, meta: &mut Meta) {
        self.version += 1;
        meta.resource_version = self.version.to_string();
    }

    fn born(&mut self, kind: Kind, meta: &mut Meta, now: Timestamp) {
        self.stamp(meta);
        meta.uid = uid(kind, meta, &format!("{now} {}", self.version));
        meta.generation = 1;
        meta.creation_timestamp = Some(now);
    }

    /// Carries out a write.
    pub(crate) fn write(&mut self, write: &Write, now: Timestamp) -> Result<Vec<Change>, StoreError> {
        match write {
            Write::Create(object) => self.create(object.clone(), now).map(|change| vec![change]),
            Write::Update(object) => self.change(object, false).map(|change| vec![change]),
            Write::Status(object) => self.change(object, true).map(|change| vec![change]),
            Write::Apply(secret) => self.apply(secret, now).map(|change| vec![change]),
            Write::Delete { kind, key, uid } => self.delete(*kind, key, uid),
        }
    }

    fn create(&mut self, mut object: Object, now: Timestamp) -> Result<Change, StoreError> {
        let (kind, key) = (object.kind(), object.metadata().key());
        if metadata(&self.view, kind, &key).is_some() {
            return Err(StoreError::Conflict);
        }
        self.born(kind, metadata_mut(&mut object), now);
        self.put(object.clone());
        Ok((kind, key, Some(object)))
    }

    fn change(&mut self, object: &Object, status: bool) -> Result<Change, StoreError> {
        let (kind, key) = (object.kind(), object.metadata().key());
        let present = metadata(&self.view, kind, &key).ok_or(StoreError::Conflict)?;
        let wanted = &object.metadata().resource_version;
        if !wanted.is_empty() && *wanted != present.resource_version {
            return Err(StoreError::Conflict);
        }
        let mut changed = merged(&self.view, object, status).ok_or(StoreError::Conflict)?;
        self.stamp(metadata_mut(&mut changed));
        self.put(changed.clone());
        Ok((kind, key, Some(changed)))
    }

    fn apply(&mut self, secret: &Secret, now: Timestamp) -> Result<Change, StoreError> {
        let key = secret.key();
        let Some(present) = self.view.secrets.get(&key).cloned() else {
            let mut new = secret.clone();
            new.metadata.resource_version.clear();
            new.metadata.applied = Some(Box::new(applied(secret)));
            return self.create(new.into(), now);
        };
        let wanted = &secret.metadata.resource_version;
        if !wanted.is_empty() && *wanted != present.metadata.resource_version {
            return Err(StoreError::Conflict);
        }
        let mut metadata = present.metadata.clone();
        let before = metadata.applied.take().map(|before| *before).unwrap_or_default();
        let mut data = present.data.clone();
        replace(&mut metadata.labels, &secret.metadata.labels, &before.labels);
        replace(&mut metadata.annotations, &secret.metadata.annotations, &before.annotations);
        replace(&mut data, &secret.data, &before.data);
        metadata.applied = Some(Box::new(applied(secret)));
        self.stamp(&mut metadata);
        let changed = Secret::new(metadata, present.kind.clone(), data);
        self.put(changed.clone().into());
        Ok((Kind::Secret, key, Some(changed.into())))
    }

    fn delete(&mut self, kind: Kind, key: &Key, uid: &str) -> Result<Vec<Change>, StoreError> {
        if metadata(&self.view, kind, key).is_none_or(|meta| meta.uid != uid) {
            return Err(StoreError::Conflict);
        }
        let mut gone = vec![(kind, key.clone(), None)];
        self.remove(kind, key);
        let mut owners = vec![uid.to_owned()];
        while let Some(owner) = owners.pop() {
            for (kind, key, uid) in owned(&self.view, &owner) {
                self.remove(kind, &key);
                gone.push((kind, key, None));
                owners.push(uid);
            }
        }
        self.version += 1;
        Ok(gone)
    }

    /// Stores an object unchanged.
    pub(crate) fn put(&mut self, object: Object) {
        let key = object.metadata().key();
        let view = &mut self.view;
        match object {
            Object::Certificate(object) => drop(view.certificates.insert(key, Arc::from(object))),
            Object::CertificateRequest(object) => drop(view.requests.insert(key, Arc::from(object))),
            Object::Challenge(object) => drop(view.challenges.insert(key, Arc::from(object))),
            Object::Issuer(object) => drop(view.issuers.insert(key, Arc::from(object))),
            Object::Order(object) => drop(view.orders.insert(key, Arc::from(object))),
            Object::Secret(object) => drop(view.secrets.insert(key, Arc::from(object))),
        }
    }

    fn remove(&mut self, kind: Kind, key: &Key) {
        let view = &mut self.view;
        match kind {
            Kind::Certificate => drop(view.certificates.remove(key)),
            Kind::CertificateRequest => drop(view.requests.remove(key)),
            Kind::Challenge => drop(view.challenges.remove(key)),
            Kind::Ingress => drop(view.ingresses.remove(key)),
            Kind::Issuer => drop(view.issuers.remove(key)),
            Kind::Order => drop(view.orders.remove(key)),
            Kind::Secret => drop(view.secrets.remove(key)),
        }
    }
}

/// The names in a Secret.
fn applied(secret: &Secret) -> Applied {
    Applied {
        labels: secret.metadata.labels.keys().cloned().collect(),
        annotations: secret.metadata.annotations.keys().cloned().collect(),
        data: secret.data.keys().cloned().collect(),
    }
}

/// Sets the wanted entries. Those set `before` and no longer wanted are removed; entries of others stay.
fn replace<T: Clone>(present: &mut BTreeMap<String, T>, wanted: &BTreeMap<String, T>, before: &BTreeSet<String>) {
    present.retain(|name, _| wanted.contains_key(name) || !before.contains(name));
    present.extend(wanted.iter().map(|(name, value)| (name.clone(), value.clone())));
}

/// Makes a uid in Kubernetes' form, from what is unique to the object.
pub(crate) fn uid(kind: Kind, meta: &Meta, salt: &str) -> String {
    use sha2::{Digest as _, Sha256};
    let hash = Sha256::digest(format!("{kind:?}\0{}\0{}\0{salt}", meta.namespace, meta.name));
    let hex: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

fn metadata<'a>(view: &'a View, kind: Kind, key: &Key) -> Option<&'a Meta> {
    match kind {
        Kind::Certificate => view.certificates.get(key).map(|o| &o.metadata),
        Kind::CertificateRequest => view.requests.get(key).map(|o| &o.metadata),
        Kind::Challenge => view.challenges.get(key).map(|o| &o.metadata),
        Kind::Ingress => view.ingresses.get(key).map(|o| &o.metadata),
        Kind::Issuer => view.issuers.get(key).map(|o| &o.metadata),
        Kind::Order => view.orders.get(key).map(|o| &o.metadata),
        Kind::Secret => view.secrets.get(key).map(|o| &o.metadata),
    }
}

fn metadata_mut(object: &mut Object) -> &mut Meta {
    match object {
        Object::Certificate(object) => &mut object.metadata,
        Object::CertificateRequest(object) => &mut object.metadata,
        Object::Challenge(object) => &mut object.metadata,
        Object::Issuer(object) => &mut object.metadata,
        Object::Order(object) => &mut object.metadata,
        Object::Secret(object) => &mut object.metadata,
    }
}

fn owned(view: &View, uid: &str) -> Vec<(Kind, Key, String)> {
    let mut found = Vec::new();
    let mut look = |kind: Kind, meta: &Meta| {
        if meta.owner_references.iter().any(|owner| owner.uid == uid) {
            found.push((kind, meta.key(), meta.uid.clone()));
        }
    };
    view.certificates.values().for_each(|o| look(Kind::Certificate, &o.metadata));
    view.requests.values().for_each(|o| look(Kind::CertificateRequest, &o.metadata));
    view.orders.values().for_each(|o| look(Kind::Order, &o.metadata));
    view.challenges.values().for_each(|o| look(Kind::Challenge, &o.metadata));
    view.secrets.values().for_each(|o| look(Kind::Secret, &o.metadata));
    found
}

/// Returns the object with the new status, or with everything new but the status.
fn merged(view: &View, object: &Object, status: bool) -> Option<Object> {
    let key = object.metadata().key();
    Some(match object {
        Object::Certificate(new) => one(view.certificates.get(&key)?, new, status).into(),
        Object::CertificateRequest(new) => one(view.requests.get(&key)?, new, status).into(),
        Object::Challenge(new) => one(view.challenges.get(&key)?, new, status).into(),
        Object::Issuer(new) => one(view.issuers.get(&key)?, new, status).into(),
        Object::Order(new) => one(view.orders.get(&key)?, new, status).into(),
        Object::Secret(new) => Secret::clone(new).into(),
    })
}

fn one<S: Clone + PartialEq, T: Clone>(present: &Thing<S, T>, new: &Thing<S, T>, status: bool) -> Thing<S, T> {
    let mut changed = present.clone();
    if status {
        changed.status = new.status.clone();
        return changed;
    }
    if changed.spec != new.spec {
        changed.metadata.generation += 1;
        changed.spec = new.spec.clone();
    }
    changed.metadata.labels.clone_from(&new.metadata.labels);
    changed.metadata.annotations.clone_from(&new.metadata.annotations);
    changed.metadata.owner_references.clone_from(&new.metadata.owner_references);
    changed.metadata.finalizers.clone_from(&new.metadata.finalizers);
    changed
}
