//! The state that the watches bring, and its publication.

use super::constants::{FAILED_WEBHOOK, LEASE};
use super::events::identify;
use crate::lease::LeaderState;
use crate::view::{ObjectKey, Reference};
use crate::watch::referenced::Lookups;
use arc_swap::ArcSwap;
use flow_acme::names::{ACCOUNT_KEY_SUFFIX, NEXT_PRIVATE_KEY};
use flow_acme::objects::{Issuer, Key, Meta};
use flow_acme::planner::{Kind, Settings, View};
use flow_acme::store::{Replica, StoreError};
use flow_model::diagnostic::{Diagnostic, Subject};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{Notify, watch};
use tracing::info;

/// The data that the tasks share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) state: Mutex<State>,
    /// Notified when the state changed.
    pub(super) changed: Notify,
    pub(super) view: ArcSwap<View>,
    pub(super) version: watch::Sender<u64>,
    /// True once everything was listed and is in the view.
    pub(super) known: watch::Sender<bool>,
    /// A running cert-manager, or the rest of one.
    pub(super) conflict: watch::Sender<Option<Diagnostic>>,
    /// Findings about certificates that cannot be issued.
    pub(super) troubles: watch::Sender<Vec<Diagnostic>>,
    /// True if certificates are issued here: the kinds are served, and no cert-manager runs.
    pub(super) acting: AtomicBool,
    pub(super) settings: Settings,
}

const WEBHOOK: &str = "ValidatingWebhookConfiguration";

/// A watch: its kind, and its namespace; an empty namespace is all.
pub(super) type SourceId = (&'static str, String);

/// An IngressClass.
#[derive(Debug)]
pub(super) struct Class {
    pub(super) metadata: Meta,
    /// True if it is this controller's.
    pub(super) ours: bool,
}

/// The known objects and the progress of the watches.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) view: View,
    /// Watches that have not brought their first list.
    pub(super) unlisted: HashSet<SourceId>,
    /// Kinds that are not served, or may not be watched.
    pub(super) absent: HashSet<SourceId>,
    /// The IngressClasses of the cluster.
    pub(super) classes: BTreeMap<Key, Arc<Class>>,
    /// Running cert-managers, by the namespace of their Lease.
    pub(super) cert_managers: HashMap<String, String>,
    /// True if Certificates or issuers changed, and with them perhaps the Secrets that they name.
    pub(super) names_changed: bool,
    /// Secrets that are named.
    pub(super) wanted: HashSet<Key>,
    /// The lookups of named Secrets.
    pub(super) lookups: Lookups,
    /// Secrets of which the watch reported a new version that was not read yet.
    pub(super) outdated: HashSet<Key>,
    /// Named Secrets that cannot be read.
    pub(super) unreadable: HashSet<Key>,
    /// The proxy's own endpoints by slice; `None` if they may not be watched.
    pub(super) slices: Option<BTreeMap<Key, Vec<Replica>>>,
}

impl Shared {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            state: Mutex::default(),
            changed: Notify::new(),
            view: ArcSwap::default(),
            version: watch::Sender::new(0),
            known: watch::Sender::new(false),
            conflict: watch::Sender::new(None),
            troubles: watch::Sender::default(),
            acting: AtomicBool::new(false),
            settings,
        }
    }

    /// Changes the state and has it published.
    pub(super) fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock());
        self.changed.notify_one();
    }

    /// Changes the state, and has it published if `change` returns true.
    pub(super) fn change_if(&self, change: impl FnOnce(&mut State) -> bool) {
        if change(&mut self.state.lock()) {
            self.changed.notify_one();
        }
    }

    /// Records the outcome of a write: a webhook that rejects all writes of a kind is reported until one passes.
    pub(super) fn note_write(&self, kind: Kind, written: &Result<(), StoreError>) {
        let (_, kind) = identify(kind, "namespaced");
        let hooked = match written {
            Ok(()) => None,
            Err(StoreError::Refused(words)) if words.contains(FAILED_WEBHOOK) => {
                Some(Diagnostic::error(Subject::new(WEBHOOK, "", kind), words.clone()))
            }
            Err(_) => return,
        };
        self.conflict.send_if_modified(|conflict| {
            let other = |known: &Diagnostic| {
                known.subject.kind != WEBHOOK || (hooked.is_none() && &*known.subject.name != kind)
            };
            if conflict.as_ref().is_some_and(other) || *conflict == hooked {
                return false;
            }
            conflict.clone_from(&hooked);
            true
        });
    }

    fn tick(&self) {
        self.version.send_modify(|version| *version += 1);
    }
}

impl State {
    /// True if a Secret is to be kept.
    pub(super) fn keeps(&self, meta: &Meta) -> bool {
        meta.labels.get(NEXT_PRIVATE_KEY).is_some_and(|value| value == "true") || self.wanted.contains(&meta.key())
    }

    /// Updates the set of named Secrets, and asks for those that were not named before.
    fn update_names(&mut self, settings: &Settings) {
        if !std::mem::take(&mut self.names_changed) {
            return;
        }
        let named = named(&self.view, settings);
        let fresh = named.difference(&self.wanted).map(reference).collect();
        self.wanted = named;
        let wanted = &self.wanted;
        self.unreadable.retain(|key| wanted.contains(key));
        let labelled = |meta: &Meta| meta.labels.contains_key(NEXT_PRIVATE_KEY);
        self.view.secrets.retain(|key, secret| wanted.contains(key) || labelled(&secret.metadata));
        self.lookups.ask(fresh, || wanted.iter().map(reference).collect());
    }

    /// Returns the view to show; `None` while something in it may be missing.
    fn complete(&self) -> Option<View> {
        if !self.unlisted.is_empty() || !self.outdated.is_empty() || self.lookups.pending_since().is_some() {
            return None;
        }
        let mut view = self.view.clone();
        // A Certificate whose Secret cannot be seen would look as if it had none, and be issued in vain.
        let seen = |key: &Key, name: &str| {
            is_name(name)
                && (self.unreadable.is_empty() || !self.unreadable.contains(&Key::new(key.namespace.clone(), name)))
        };
        view.classes = self.classes.iter().filter(|(_, class)| class.ours).map(|(key, _)| key.name.clone()).collect();
        view.certificates.retain(|key, certificate| seen(key, &certificate.spec.secret_name));
        Some(view)
    }

    fn acts(&self) -> bool {
        self.unlisted.is_empty() && self.absent.is_empty() && self.cert_managers.is_empty()
    }
}

fn reference(key: &Key) -> Reference {
    Reference::Secret(ObjectKey::new(&key.namespace, &key.name))
}

/// Returns every Secret that an object names.
fn named(view: &View, settings: &Settings) -> HashSet<Key> {
    let mut named = HashSet::new();
    for (key, certificate) in &view.certificates {
        let mut name = |name: &str| named.insert(Key::new(key.namespace.clone(), name));
        name(&certificate.spec.secret_name);
        if let Some(next) = &certificate.status.next_private_key_secret_name {
            name(next);
        }
        let stores = certificate.spec.keystores.iter().flat_map(|stores| stores.jks.iter().chain(&stores.pkcs12));
        for password in stores.filter_map(|store| store.password_secret_ref.as_ref()) {
            name(&password.name);
        }
    }
    for (key, issuer) in &view.issuers {
        of_issuer(key, issuer, settings, &mut named);
    }
    named.retain(|key| is_name(&key.name) && is_name(&key.namespace));
    named
}

/// True if an object can have this name (RFC 1123). Other names are never looked up: they would be part of a URL.
fn is_name(name: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    name.len() <= 253 && name.bytes().all(inner) && name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
}

fn of_issuer(key: &Key, issuer: &Issuer, settings: &Settings, named: &mut HashSet<Key>) {
    let Some(acme) = &issuer.spec.acme else { return };
    let namespace = settings.issuer_namespace(key);
    let account = &acme.private_key_secret_ref.name;
    named.insert(Key::new(namespace, account.clone()));
    named.insert(Key::new(namespace, format!("{account}{ACCOUNT_KEY_SUFFIX}")));
    if key.namespace.is_empty() {
        named.extend(settings.fallback_namespaces.iter().map(|ns| Key::new(ns.clone(), account.clone())));
    }
    if let Some(binding) = &acme.external_account_binding {
        named.insert(Key::new(namespace, binding.key_secret_ref.name.clone()));
    }
}

fn conflict(namespace: &str, holder: &str) -> Diagnostic {
    let message = format!(
        "ConflictingController: a cert-manager is at work ({holder}), so no certificates are issued here: scale it to 0 \
         or set acme.mode=force"
    );
    Diagnostic::warning(Subject::new("Lease", namespace, LEASE), message)
}

/// Publishes the view whenever it changes.
pub(super) async fn publish(shared: Arc<Shared>) {
    let mut reported = None;
    loop {
        shared.changed.notified().await;
        let (view, acts, cert_manager) = {
            let mut state = shared.state.lock();
            state.update_names(&shared.settings);
            (
                state.complete(),
                state.acts(),
                state.cert_managers.iter().next().map(|(ns, who)| (ns.clone(), who.clone())),
            )
        };
        if reported.as_ref() != Some(&cert_manager) {
            match &cert_manager {
                Some((namespace, holder)) => {
                    shared.conflict.send_replace(Some(conflict(namespace, holder)));
                }
                None if reported.is_some() => {
                    shared.conflict.send_replace(None);
                    info!("no cert-manager is at work any longer: certificates are issued here");
                }
                None => {}
            }
            reported = Some(cert_manager);
        }
        let acted = shared.acting.swap(acts, Ordering::AcqRel);
        let published = view.is_some();
        if let Some(view) = view {
            shared.view.store(Arc::new(view));
        }
        if published || acted != acts {
            shared.tick();
        }
        if published {
            shared.known.send_if_modified(|known| !std::mem::replace(known, true));
        }
    }
}

/// Publishes changes of leadership as changes of the store.
pub(super) async fn follow_leadership(shared: Arc<Shared>, mut leader_state: watch::Receiver<LeaderState>) {
    while leader_state.changed().await.is_ok() {
        shared.tick();
    }
}
