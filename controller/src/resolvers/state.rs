//! The objects of the resolvers, as the watch of their Secrets brings them.

use super::record;
use crate::certificates::objects::{secret, version};
use crate::view::ObjectKey;
use crate::watch::reader::{Change, Subscriber};
use arc_swap::ArcSwap;
use flow_acme::objects::{Key, Secret};
use flow_acme::planner::{Kind, Object, View};
use flow_model::diagnostic::{Diagnostic, Subject};
use k8s_openapi::api::core::v1 as core;
use kube::core::DynamicObject;
use parking_lot::Mutex;
use std::ops::ControlFlow;
use std::sync::Arc;
use tokio::sync::watch;

/// The data that the tasks of the store share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) namespace: String,
    view: Mutex<View>,
    /// The view to show.
    pub(super) shown: ArcSwap<View>,
    /// A number that changes with the view and with the leadership.
    pub(super) version: watch::Sender<u64>,
    /// True once every Secret was listed.
    pub(super) known: watch::Sender<bool>,
    /// The reason for which nothing is issued at all.
    pub(super) obstacle: watch::Sender<Option<Diagnostic>>,
}

impl Shared {
    /// Returns the state without objects but `declared` Secrets: keys of the static configuration, which the cluster does
    /// not hold.
    pub(super) fn new(namespace: &str, declared: Vec<Secret>) -> Self {
        let mut view = View::default();
        for secret in declared {
            view.secrets.insert(secret.key(), Arc::new(secret));
        }
        Self {
            namespace: namespace.to_owned(),
            shown: ArcSwap::from_pointee(view.clone()),
            view: Mutex::new(view),
            version: watch::Sender::new(0),
            known: watch::Sender::new(false),
            obstacle: watch::Sender::new(None),
        }
    }

    fn change(&self, change: impl FnOnce(&mut View)) {
        {
            let mut view = self.view.lock();
            change(&mut view);
            self.shown.store(Arc::new(view.clone()));
        }
        self.tick();
    }

    pub(super) fn tick(&self) {
        self.version.send_modify(|version| *version += 1);
    }

    fn listed(&self, found: Vec<Secret>) {
        self.change(|view| {
            // Those of the static configuration have no version.
            let mut all = View::default();
            for (key, kept) in view.secrets.iter().filter(|(_, kept)| kept.metadata.resource_version.is_empty()) {
                all.secrets.insert(key.clone(), Arc::clone(kept));
            }
            for secret in found {
                put(&mut all, secret);
            }
            *view = all;
        });
        self.obstacle.send_if_modified(|obstacle| obstacle.take().is_some());
        self.known.send_if_modified(|known| !std::mem::replace(known, true));
    }

    /// Shows what a write of this replica's left, before the watch brings it. Key pairs are left to the watch: one that
    /// was deleted meanwhile would seem to be there.
    pub(super) fn written(&self, written: DynamicObject) {
        let secret = written.try_parse::<core::Secret>().ok().as_ref().and_then(read);
        if let Some(secret) = secret.filter(|secret| secret.kind == record::TYPE) {
            self.change(|view| put(view, secret));
        }
    }

    /// Forgets what a write did not find, though the watch may have said so before.
    pub(super) fn gone(&self, kind: Kind, key: &Key) {
        let secret = ObjectKey::new(&self.namespace, &record::place(kind, &key.name));
        self.change(|view| remove(view, &secret));
    }

    fn forbidden(&self, words: &str) {
        let message = format!(
            "certificate resolvers issue nothing: they keep accounts and certificates in Secrets of namespace {}, which \
             may not be watched ({words}): grant list, watch, create, patch and delete",
            self.namespace
        );
        let subject = Subject::new("Namespace", "", self.namespace.as_str());
        self.obstacle.send_replace(Some(Diagnostic::error(subject, message)));
        self.known.send_replace(false);
    }
}

/// Adds the object in a Secret, unless a newer one is there.
fn put(view: &mut View, secret: Secret) {
    let Some(object) = record::object(secret) else { return };
    let key = object.metadata().key();
    macro_rules! insert {
        ($map:ident, $object:expr) => {
            if view.$map.get(&key).is_none_or(|known| version(&known.metadata) < version(&$object.metadata)) {
                view.$map.insert(key, Arc::new(*$object));
            }
        };
    }
    match object {
        Object::Certificate(object) => insert!(certificates, object),
        Object::CertificateRequest(object) => insert!(requests, object),
        Object::Challenge(object) => insert!(challenges, object),
        Object::Issuer(object) => insert!(issuers, object),
        Object::Order(object) => insert!(orders, object),
        Object::Secret(object) => insert!(secrets, object),
    }
}

/// Returns the objects in Secrets.
pub(crate) fn view_of(secrets: impl IntoIterator<Item = Secret>) -> View {
    let mut view = View::default();
    for secret in secrets {
        put(&mut view, secret);
    }
    view
}

/// Removes the object that was in a Secret.
fn remove(view: &mut View, secret: &ObjectKey) {
    let own = Key::new(&*secret.namespace, &*secret.name);
    view.secrets.remove(&own);
    let Some((kind, name)) = record::word_of(&secret.name) else { return };
    let key = Key::new(own.namespace, name);
    match kind {
        Kind::Certificate => drop(view.certificates.remove(&key)),
        Kind::CertificateRequest => drop(view.requests.remove(&key)),
        Kind::Challenge => drop(view.challenges.remove(&key)),
        Kind::Order => drop(view.orders.remove(&key)),
        Kind::Issuer => {
            view.issuers.retain(|key, _| record::place(Kind::Issuer, &key.name) != *secret.name);
        }
        Kind::Ingress | Kind::Secret => {}
    }
}

/// The subscription to the Secrets.
pub(super) struct ToState(pub(super) Arc<Shared>);

/// Returns a Secret as the subscription reads it.
pub(super) fn read(from: &core::Secret) -> Option<Secret> {
    Some(secret(from))
}

impl Subscriber<Secret> for ToState {
    async fn handle(&mut self, change: Change<Secret>) -> ControlFlow<()> {
        match change {
            Change::Applied(secret) => self.0.change(|view| put(view, secret)),
            Change::Deleted(key) => self.0.change(|view| remove(view, &key)),
            Change::Listed(secrets) => self.0.listed(secrets),
            Change::Absent => self.0.listed(Vec::new()),
            Change::Forbidden(words) => self.0.forbidden(&words),
        }
        ControlFlow::Continue(())
    }
}
