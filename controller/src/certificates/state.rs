//! The state that the watches bring, and its publication.

use super::constants::{FAILED_WEBHOOK, LEASE};
use super::events::identify;
use crate::lease::LeaderState;
use crate::view::{ObjectKey, Reference};
use crate::watch::referenced::Lookups;
use arc_swap::ArcSwap;
use flow_acme::account;
use flow_acme::names::{NEXT_PRIVATE_KEY, PRIVATE_KEY_SECRET};
use flow_acme::objects::{Certificate, CertificateRequest, HasMeta, Issuer, Key, Meta};
use flow_acme::planner::{Kind, Objects, Settings, View, next_key_place};
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
    /// True while this replica leads.
    pub(super) leads: AtomicBool,
    pub(super) settings: Settings,
}

const WEBHOOK: &str = "ValidatingWebhookConfiguration";

/// A watch: its kind, and its namespace; an empty namespace is all.
pub(super) type SourceId = (&'static str, String);

impl HasMeta for Class {
    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

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
    /// True while this replica leads.
    pub(super) leads: bool,
    /// Watches that have not brought their first list.
    pub(super) unlisted: HashSet<SourceId>,
    /// Kinds that are not served, or may not be watched.
    pub(super) absent: HashSet<SourceId>,
    /// The IngressClasses of the cluster.
    pub(super) classes: Objects<Class>,
    /// Running cert-managers, by the namespace of their Lease.
    pub(super) cert_managers: HashMap<String, String>,
    /// The named Secrets, and how many objects name each.
    wanted: HashMap<Key, usize>,
    /// Secrets that were named since lookups were last asked for.
    fresh: Vec<Key>,
    /// The number of Certificates whose Secret has a name that no object can have.
    misnamed: usize,
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
            leads: AtomicBool::new(false),
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
    /// True if a Secret is named.
    pub(super) fn is_wanted(&self, key: &Key) -> bool {
        self.wanted.contains_key(key)
    }

    /// True if a Secret is to be kept.
    pub(super) fn keeps(&self, meta: &Meta) -> bool {
        is_next_key(meta) || self.is_wanted(&meta.key())
    }

    /// Records that an object names Secrets now instead of others.
    pub(super) fn rename(&mut self, old: Names, new: Names) {
        for key in new.secrets {
            let count = self.wanted.entry(key.clone()).or_default();
            *count += 1;
            if *count == 1 {
                self.fresh.push(key);
            }
        }
        for key in old.secrets {
            let Some(count) = self.wanted.get_mut(&key) else { continue };
            *count -= 1;
            if *count == 0 {
                self.wanted.remove(&key);
                self.unreadable.remove(&key);
                if self.view.secrets.get(&key).is_some_and(|secret| !is_next_key(&secret.metadata)) {
                    self.view.secrets.remove(&key);
                }
            }
        }
        self.misnamed = (self.misnamed + new.misnamed).saturating_sub(old.misnamed);
    }

    /// Follows a change of leadership.
    fn lead(&mut self, leads: bool, settings: &Settings) {
        if std::mem::replace(&mut self.leads, leads) == leads {
            return;
        }
        let named = |(key, certificate): (&Key, &Arc<Certificate>)| {
            let of = |leads| Names::of_certificate(key, certificate, settings, leads);
            (of(!leads), of(leads))
        };
        let renamed: Vec<_> = self.view.certificates.iter().map(named).collect();
        renamed.into_iter().for_each(|(old, new)| self.rename(old, new));
    }

    /// Asks for the Secrets that were not named before.
    fn ask(&mut self) {
        let fresh = std::mem::take(&mut self.fresh);
        let wanted = &self.wanted;
        let fresh = fresh.iter().filter(|key| wanted.contains_key(*key)).map(reference).collect();
        self.lookups.ask(fresh, || wanted.keys().map(reference).collect());
    }

    /// Returns the view to show; `None` while something in it may be missing.
    fn complete(&self) -> Option<View> {
        if !self.unlisted.is_empty() || !self.outdated.is_empty() || self.lookups.pending_since().is_some() {
            return None;
        }
        let mut view = self.view.clone();
        let classes = self.classes.iter().filter(|(_, class)| class.ours);
        view.classes = classes.map(|(key, _)| key.name.clone()).collect();
        if self.misnamed > 0 || !self.unreadable.is_empty() {
            // A Certificate whose Secret cannot be seen would look as if it had none, and be issued in vain.
            view.certificates.retain(|key, certificate| {
                let name = &certificate.spec.secret_name;
                is_name(name) && !self.unreadable.contains(&Key::new(key.namespace.clone(), name.clone()))
            });
        }
        Some(view)
    }

    fn acts(&self) -> bool {
        self.unlisted.is_empty() && self.absent.is_empty() && self.cert_managers.is_empty()
    }
}

fn reference(key: &Key) -> Reference {
    Reference::Secret(ObjectKey::new(&key.namespace, &key.name))
}

/// The Secrets that an object names.
#[derive(Debug, Default)]
pub(super) struct Names {
    secrets: Vec<Key>,
    /// One for a Certificate whose Secret has a name that no object can have.
    misnamed: usize,
}

impl Names {
    fn of(secrets: impl Iterator<Item = Key>) -> Self {
        Self { secrets: secrets.filter(|key| is_name(&key.name) && is_name(&key.namespace)).collect(), misnamed: 0 }
    }

    /// `leads` is true on the leader, which alone needs the keys of certificates that are being issued.
    pub(super) fn of_certificate(key: &Key, certificate: &Certificate, _: &Settings, leads: bool) -> Self {
        let spec = &certificate.spec;
        let stores = spec.keystores.iter().flat_map(|stores| stores.jks.iter().chain(&stores.pkcs12));
        let passwords = stores.filter_map(|store| store.password_secret_ref.as_ref()).map(|password| &password.name);
        let names = std::iter::once(&spec.secret_name).chain(passwords);
        let names = names.map(|name| Key::new(key.namespace.clone(), name.clone()));
        let misnamed = usize::from(!is_name(&spec.secret_name));
        Self { misnamed, ..Self::of(names.chain(next_key_place(certificate).filter(|_| leads))) }
    }

    pub(super) fn of_issuer(key: &Key, issuer: &Issuer, settings: &Settings, _: bool) -> Self {
        Self::of(account::secrets(key, issuer, settings))
    }

    /// The key of a request that no Certificate made: an issuer that lets certificates sign themselves needs it.
    pub(super) fn of_request(key: &Key, request: &CertificateRequest, _: &Settings, _: bool) -> Self {
        let own = request.metadata.annotation(PRIVATE_KEY_SECRET).filter(|_| request.metadata.controller().is_none());
        Self::of(own.into_iter().map(|name| Key::new(key.namespace.clone(), name)))
    }
}

/// True if an object can have this name (RFC 1123). Other names are never looked up: they would be part of a URL.
fn is_name(name: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    name.len() <= 253 && name.bytes().all(inner) && name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
}

fn is_next_key(meta: &Meta) -> bool {
    meta.labels.get(NEXT_PRIVATE_KEY).is_some_and(|value| value == "true")
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
            state.ask();
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

/// Publishes changes of leadership as changes of the store. `read_keys` is called whenever this replica becomes the
/// leader.
pub(super) async fn follow_leadership<F: Future<Output = ()> + Send>(
    shared: Arc<Shared>,
    mut leader_state: watch::Receiver<LeaderState>,
    read_keys: impl Fn() -> F + Send,
) {
    loop {
        let leads = *leader_state.borrow_and_update() == LeaderState::Leader;
        let led = shared.leads.swap(leads, Ordering::AcqRel);
        shared.change(|state| state.lead(leads, &shared.settings));
        if leads && !led {
            read_keys().await;
        }
        shared.tick();
        if leader_state.changed().await.is_err() {
            return;
        }
    }
}
