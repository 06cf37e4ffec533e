//! The Secrets of the resolvers as a [`Store`].

use super::record;
use super::state::Shared;
use crate::certificates::replicas::ReplicaTable;
use crate::certificates::write::{self, Written};
use crate::lease::Leadership;
use async_trait::async_trait;
use flow_acme::names::RESOLVER;
use flow_acme::objects::{Key, Object as Thing, Secret};
use flow_acme::planner::{Event, EventType, Kind, Object, View, Write};
use flow_acme::store::folder::Served;
use flow_acme::store::{Replicas, Store, StoreError};
use kube::Client;
use std::sync::Arc;
use tokio::sync::watch;

/// The certificates of the resolvers in a cluster.
pub struct ResolverStore {
    pub(super) client: Client,
    pub(super) leadership: Leadership,
    pub(super) shared: Arc<Shared>,
    /// The replicas of the published Service; `None` if there is no such Service.
    pub(super) replicas: Option<ReplicaTable>,
    /// The issued certificates and the problems of the others.
    pub(super) served: watch::Receiver<Served>,
    pub(super) declared: watch::Sender<Option<Arc<super::Wanted>>>,
}

impl std::fmt::Debug for ResolverStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResolverStore").field("namespace", &self.shared.namespace).finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for ResolverStore {
    fn view(&self) -> Arc<View> {
        self.shared.shown.load_full()
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.shared.version.subscribe()
    }

    fn is_leader(&self) -> bool {
        *self.shared.known.borrow() && self.leadership.is_leader()
    }

    async fn write(&self, write: &Write) -> Result<(), StoreError> {
        match do_write(&self.client, &self.view(), &self.shared.namespace, write).await? {
            Written::Object(written) => self.shared.written(*written),
            Written::Nothing => {}
            Written::Gone => {
                let (kind, key) = write.target();
                self.shared.gone(kind, &key);
                return Err(StoreError::Conflict);
            }
        }
        Ok(())
    }

    async fn report(&self, event: &Event) {
        // The engine has logged it. Lasting problems are findings.
        if event.event_type == EventType::Warning {
            tracing::debug!(object = %event.key, reason = event.reason, "{}", event.message);
        }
    }

    async fn replicas(&self) -> Result<Replicas, StoreError> {
        self.replicas.as_ref().map_or(Ok(Replicas::Alone), ReplicaTable::all)
    }
}

/// Does a write, planned by `view`, on the Secret that holds the object.
pub(crate) async fn do_write(
    client: &Client,
    view: &View,
    namespace: &str,
    planned: &Write,
) -> Result<Written, StoreError> {
    let record = |object: &Object| {
        let resolver = resolver_of(view, object);
        record::secret(object, namespace, &resolver).map_err(|error| StoreError::Refused(error.to_string()))
    };
    let mut before = View::default();
    let write = match planned {
        Write::Create(object) => Write::Create(record(&with_generation(object.clone(), 1))?.into()),
        Write::Apply(secret) => Write::Apply(Box::new(record(&Object::Secret(secret.clone()))?)),
        Write::Delete { kind, key, uid } => {
            let key = Key::new(namespace, record::place(*kind, &key.name));
            Write::Delete { kind: Kind::Secret, key, uid: uid.clone() }
        }
        Write::Update(object) | Write::Status(object) => {
            let present = present(view, object).ok_or(StoreError::Conflict)?;
            let old = record(&present)?;
            before.secrets.insert(old.key(), Arc::new(old));
            let changed = if matches!(planned, Write::Update(_)) { changed_spec(&present, object) } else { None };
            Write::Update(record(&changed.unwrap_or_else(|| object.clone()))?.into())
        }
    };
    write::write(client, &before, &write).await
}

/// The resolver that a Secret belongs to: that of its label, of its owner, or of the account that it holds.
fn resolver_of(view: &View, object: &Object) -> String {
    let Object::Secret(secret) = object else { return String::new() };
    let key = secret.key();
    let owner = secret.metadata.controller().map(|owner| Key::new(key.namespace.clone(), owner.name.clone()));
    let owner = owner.and_then(|owner| view.certificates.get(&owner));
    let named = |name: &str| {
        view.issuers.values().find(|issuer| {
            let account = issuer.spec.acme.as_ref().map_or("", |acme| acme.private_key_secret_ref.name.as_str());
            !account.is_empty() && name.starts_with(account)
        })
    };
    let label = || secret.metadata.labels.get(RESOLVER).cloned();
    owner
        .map(|certificate| certificate.spec.issuer_ref.name.clone())
        .or_else(label)
        .or_else(|| named(&key.name).map(|issuer| issuer.metadata.name.clone()))
        .unwrap_or_default()
}

fn present(view: &View, object: &Object) -> Option<Object> {
    let key = object.metadata().key();
    Some(match object {
        Object::Certificate(_) => view.certificates.get(&key)?.as_ref().clone().into(),
        Object::CertificateRequest(_) => view.requests.get(&key)?.as_ref().clone().into(),
        Object::Challenge(_) => view.challenges.get(&key)?.as_ref().clone().into(),
        Object::Issuer(_) => view.issuers.get(&key)?.as_ref().clone().into(),
        Object::Order(_) => view.orders.get(&key)?.as_ref().clone().into(),
        Object::Secret(_) => Secret::clone(view.secrets.get(&key)?).into(),
    })
}

/// The object with the next generation, if its spec is another.
fn changed_spec(present: &Object, new: &Object) -> Option<Object> {
    fn differs<S: PartialEq, T>(one: &Thing<S, T>, other: &Thing<S, T>) -> bool {
        one.spec != other.spec
    }
    let is_changed = match (present, new) {
        (Object::Certificate(one), Object::Certificate(other)) => differs(one, other),
        (Object::Issuer(one), Object::Issuer(other)) => differs(one, other),
        // The specs of the others never change.
        _ => false,
    };
    is_changed.then(|| with_generation(new.clone(), present.metadata().generation + 1))
}

fn with_generation(mut object: Object, generation: i64) -> Object {
    match &mut object {
        Object::Certificate(object) => object.metadata.generation = generation,
        Object::CertificateRequest(object) => object.metadata.generation = generation,
        Object::Challenge(object) => object.metadata.generation = generation,
        Object::Issuer(object) => object.metadata.generation = generation,
        Object::Order(object) => object.metadata.generation = generation,
        Object::Secret(_) => {}
    }
    object
}
