//! Passwords that were verified, so that a page of a hundred requests does not hash one a hundred times.

use super::secret::Secret;
use hashbrown::HashMap;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use tokio::sync::{OnceCell, Semaphore};

/// Verifications at once in the whole process: a flood of wrong passwords must leave processors to the traffic.
static LANES: Semaphore = Semaphore::const_new(4);
const MOST: usize = 1024;

/// Verdicts by a keyed hash of user, secret and password.
pub(super) struct Verified {
    /// Only this process knows it: what is kept tells nothing of the passwords.
    key: [u8; 32],
    /// Wrong passwords are forgotten as soon as they are known to be wrong; equal ones wait for one verification.
    known: Mutex<HashMap<[u8; 32], Arc<OnceCell<bool>>, foldhash::fast::RandomState>>,
}

impl Verified {
    pub(super) fn new() -> Self {
        let mut key = [0; 32];
        if getrandom::fill(&mut key).is_err() {
            // Without randomness nothing is lost but that the keyed hash becomes a plain one, in memory only.
            key = [1; 32];
        }
        Self { key, known: Mutex::default() }
    }

    /// Whether `password` is the one of `secret`, which is that of `user`; slow hashes are computed away from the worker.
    pub(super) async fn check(&self, user: &str, secret: &Arc<Secret>, password: &[u8]) -> bool {
        if !secret.is_slow() {
            return secret.matches(password);
        }
        let id = self.id(user, secret, password);
        let cell = {
            let mut known = self.known.lock();
            if known.len() >= MOST && !known.contains_key(&id) {
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

    /// Every part has a length of its own or one that stands before it: no two questions are one.
    fn id(&self, user: &str, secret: &Arc<Secret>, password: &[u8]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.key);
        // The secret lives as long as this does, so that its address names it.
        hash.update((Arc::as_ptr(secret) as usize).to_ne_bytes());
        hash.update(user.len().to_ne_bytes());
        hash.update(user);
        hash.update(password);
        hash.finalize().into()
    }
}

async fn verify(secret: Arc<Secret>, password: Vec<u8>) -> bool {
    let Ok(_lane) = LANES.acquire().await else { return false };
    tokio::task::spawn_blocking(move || secret.matches(&password)).await.unwrap_or(false)
}
