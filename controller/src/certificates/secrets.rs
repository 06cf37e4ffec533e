//! The Secrets that Certificates and issuers name, and those labelled as keys of the next certificate.

use super::Options;
use super::objects::{secret, version};
use super::state::{Shared, State};
use crate::view::{Kind, ObjectKey};
use crate::watch::Informers;
use crate::watch::referenced::{LabelChoice, Lookups, ReadError, ReferenceSubscriber, Resolution, WrittenSender};
use flow_acme::names::NEXT_PRIVATE_KEY;
use flow_acme::objects::{Key, Secret};
use flow_model::diagnostic::causes;
use k8s_openapi::api::core::v1 as core;
use kube::api::ListParams;
use kube::core::ObjectMeta;
use kube::{Api, Client};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The kind's name among the watches.
const SECRET: &str = "Secret";

/// Subscribes to them: in the watched namespaces, and in those that may hold account keys.
pub(super) fn subscribe(informers: &mut Informers, options: &Options, shared: &Arc<Shared>) {
    let mut places = options.namespaces.clone();
    if !places.is_empty() {
        places.push(options.settings.cluster_resource_namespace.clone());
        places.extend(options.settings.fallback_namespaces.iter().cloned());
        places.sort_unstable();
        places.dedup();
    }
    let places: Vec<Arc<str>> = places.into_iter().map(Arc::from).collect();
    let to_state = Arc::clone(shared);
    // Others than the leader need no keys of certificates that are being issued.
    let leader = Arc::clone(shared);
    let chosen: LabelChoice = Arc::new(move |metadata| leader.leads.load(Ordering::Acquire) && is_next_key(metadata));
    let senders = informers.secrets.subscribe(&places, Some(chosen), secret, move |namespace| ToState {
        namespace,
        shared: Arc::clone(&to_state),
    });
    let mut state = shared.state.lock();
    let places = if places.is_empty() { vec![Arc::from("")] } else { places };
    state.unlisted.extend(places.iter().map(|place| (SECRET, place.to_string())));
    state.lookups = Lookups::new(Kind::Secret, senders);
}

/// Reads the keys of certificates that are being issued, once this replica leads: until then they were passed over.
pub(super) async fn read_next_keys(client: Client, namespaces: &[String], to: &WrittenSender<core::Secret>) {
    let params = ListParams::default().labels(&format!("{NEXT_PRIVATE_KEY}=true"));
    let apis = match namespaces {
        [] => vec![Api::<core::Secret>::all(client)],
        some => some.iter().map(|namespace| Api::namespaced(client.clone(), namespace)).collect(),
    };
    for api in apis {
        match api.list(&params).await {
            Ok(found) => found.items.into_iter().for_each(|secret| to.send(secret)),
            // A key that is not known is made again, and found to be there.
            Err(error) => tracing::warn!(error = causes(&error), "keys of certificates being issued cannot be listed"),
        }
    }
}

/// True for the private key of a certificate that is being issued.
fn is_next_key(metadata: &ObjectMeta) -> bool {
    metadata.labels.as_ref().and_then(|labels| labels.get(NEXT_PRIVATE_KEY)).is_some_and(|value| value == "true")
}

/// The subscription to the Secrets of one namespace, or of all.
struct ToState {
    namespace: Option<Arc<str>>,
    shared: Arc<Shared>,
}

impl ReferenceSubscriber<Secret> for ToState {
    async fn handle(&mut self, news: Resolution<Secret>) -> ControlFlow<()> {
        match news {
            Resolution::Listed => self.shared.change(|state| {
                let covered = |place: &str| self.namespace.as_deref().is_none_or(|namespace| namespace == place);
                state.unlisted.retain(|(kind, place)| *kind != SECRET || !covered(place));
            }),
            // The view is not shown before the new version is in it.
            Resolution::Outdated(key) => drop(self.shared.state.lock().outdated.insert(own(&key))),
            Resolution::Is(key, found) => self.shared.change(|state| state.read(&key, found)),
            Resolution::Unreadable(key, error) => self.shared.change(|state| state.not_read(&key, &error)),
            Resolution::Dropped(key) => self.shared.change_if(|state| {
                let key = own(&key);
                let unnamed = !state.is_wanted(&key);
                state.outdated.remove(&key) | (unnamed && state.view.secrets.remove(&key).is_some())
            }),
        }
        ControlFlow::Continue(())
    }
}

/// Returns a key as certificates have it.
fn own(key: &ObjectKey) -> Key {
    Key::new(&*key.namespace, &*key.name)
}

impl State {
    fn read(&mut self, key: &ObjectKey, found: Option<Secret>) {
        self.resolved(key);
        let key = own(key);
        self.unreadable.remove(&key);
        match found.filter(|found| self.keeps(&found.metadata)) {
            Some(found) => {
                // An unchanged Secret stays the same value: what was parsed of it stays with it.
                let known = self.view.secrets.get(&key).map(|known| version(&known.metadata));
                if known != Some(version(&found.metadata)) {
                    self.view.secrets.insert(key, Arc::new(found));
                }
            }
            None => drop(self.view.secrets.remove(&key)),
        }
    }

    fn not_read(&mut self, key: &ObjectKey, error: &ReadError) {
        self.resolved(key);
        let key = own(key);
        if self.unreadable.insert(key.clone()) {
            tracing::warn!(secret = %key, error = error.causes, "a Secret that certificates name cannot be read");
        }
    }

    /// Records that a Secret need not be waited for.
    fn resolved(&mut self, key: &ObjectKey) {
        self.outdated.remove(&own(key));
        self.lookups.resolved(Kind::Secret, key.clone());
    }
}
