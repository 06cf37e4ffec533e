//! Cache of verified passwords, so that a page of a hundred requests does not hash the password a hundred times.

use super::secret::Secret;
use hashbrown::HashMap;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use tokio::sync::{OnceCell, Semaphore};

/// Concurrent verifications in the whole process: a flood of wrong passwords must leave CPU time to the traffic.
static VERIFICATIONS: Semaphore = Semaphore::const_new(4);
const MAX_VERIFIED: usize = 1024;

/// Results by a keyed hash of user, secret and password.
pub(super) struct Verified {
    /// Known to this process only, so that the cached hashes reveal nothing about the passwords.
    key: [u8; 32],
    /// A wrong password is removed as soon as it is known to be wrong; equal ones share one verification.
    known: Mutex<HashMap<[u8; 32], Arc<OnceCell<bool>>, foldhash::fast::RandomState>>,
}

impl Verified {
    pub(super) fn new() -> Self {
        let mut key = [0; 32];
        if getrandom::fill(&mut key).is_err() {
            // Without randomness the keyed hash becomes a plain one; it is kept in memory only.
            key = [1; 32];
        }
        Self { key, known: Mutex::default() }
    }

    /// True if `password` matches `secret`, which belongs to `user`; slow hashes are computed off the worker.
    pub(super) async fn check(&self, user: &str, secret: &Arc<Secret>, password: &[u8]) -> bool {
        if !secret.is_slow() {
            return secret.matches(password);
        }
        let id = self.id(user, secret, password);
        let cell = {
            let mut known = self.known.lock();
            if known.len() >= MAX_VERIFIED && !known.contains_key(&id) {
                known.retain(|_, cell| !cell.initialized());
            }
            Arc::clone(known.entry(id).or_default())
        };
        if let Some(matches) = cell.get() {
            return *matches;
        }
        let matches = *Box::pin(cell.get_or_init(|| verify(Arc::clone(secret), password.to_owned()))).await;
        if !matches {
            self.known.lock().remove(&id);
        }
        matches
    }

    /// Every part has a fixed length or is preceded by its length: two different inputs never have the same id.
    fn id(&self, user: &str, secret: &Arc<Secret>, password: &[u8]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.key);
        // The secret lives as long as this cache, so its address identifies it.
        hash.update((Arc::as_ptr(secret) as usize).to_ne_bytes());
        hash.update(user.len().to_ne_bytes());
        hash.update(user);
        hash.update(password);
        hash.finalize().into()
    }
}

async fn verify(secret: Arc<Secret>, password: Vec<u8>) -> bool {
    let Ok(_lane) = VERIFICATIONS.acquire().await else { return false };
    tokio::task::spawn_blocking(move || secret.matches(&password)).await.unwrap_or(false)
}
