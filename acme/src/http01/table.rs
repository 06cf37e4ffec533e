use super::is_token;
use super::responses::{Entries, Responses};
use crate::view::{Settings, View};
use arc_swap::ArcSwap;
use flow_model::challenge::ChallengeLookup;
use jiff::Timestamp;
use parking_lot::Mutex;
use rustls::sign::CertifiedKey;
use std::fmt;
use std::sync::Arc;

/// The responses of this replica to the CA's challenges. One writer, many readers, who take no lock.
#[derive(Default)]
pub struct ChallengeTable {
    entries: ArcSwap<Entries>,
    /// What the entries come from. Locked by the writer alone.
    responses: Mutex<Responses>,
}

impl ChallengeTable {
    /// An empty table.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Updates the content to that of the view. Called on every replica for each change.
    pub fn publish(&self, view: &Arc<View>, settings: &Settings, now: Timestamp) {
        let mut responses = self.responses.lock();
        if responses.follow(view, settings, now) {
            self.entries.store(Arc::new(responses.entries().clone()));
        }
    }

    /// The certificate for a handshake that offers exactly `acme-tls/1`.
    #[must_use]
    pub fn certificate(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        self.entries.load().certificate(name)
    }
}

impl ChallengeLookup for ChallengeTable {
    fn response(&self, host: &str, token: &str) -> Option<Arc<str>> {
        if is_token(token) { self.entries.load().response(host, token) } else { None }
    }
}

impl fmt::Debug for ChallengeTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ChallengeTable").field(&*self.entries.load()).finish()
    }
}
