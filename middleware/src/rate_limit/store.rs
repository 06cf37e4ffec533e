//! The buckets of all sources, in shards so that workers rarely contend.

use super::bucket::{Decision, Rate};
use crate::address::Client;
use crate::source::Source;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::hash::BuildHasher as _;

/// Traefik's limit on the number of sources.
const MAX_SOURCES: usize = 65536;
const SHARDS: usize = 64;
const MAX_IN_SHARD: usize = MAX_SOURCES / SHARDS;

/// The buckets of all sources.
#[derive(Debug)]
pub(super) struct Store {
    shards: Box<[Mutex<Shard>; SHARDS]>,
    hasher: RandomState,
}

type Shard = HashMap<Source, Entry, RandomState>;

#[derive(Debug)]
struct Entry {
    /// The bucket's state; see [`Rate::take`].
    empty_at: i128,
    /// The time after which it may be forgotten, in nanoseconds.
    expires: u64,
}

impl Default for Store {
    fn default() -> Self {
        let hasher = RandomState::default();
        let shard = |_| Mutex::new(HashMap::with_hasher(hasher.clone()));
        Self { shards: Box::new(std::array::from_fn(shard)), hasher }
    }
}

impl Store {
    /// Takes a token for `source` at `now`, in nanoseconds.
    pub(super) fn take(&self, rate: &Rate, source: Client<'_>, now: u64) -> Decision {
        let hash = self.hasher.hash_one(source);
        // The map itself uses the lower and the upper bits.
        let mut shard = self.shards[(hash >> 32) as usize % SHARDS].lock();
        let expires = now.saturating_add(rate.idle);
        if let Some(entry) = shard.get_mut(&source) {
            if entry.expires <= now {
                entry.empty_at = rate.fresh(now);
            }
            entry.expires = expires;
            return rate.take(&mut entry.empty_at, now);
        }
        if shard.len() == shard.capacity() || shard.len() >= MAX_IN_SHARD {
            make_room(&mut shard, now);
        }
        let mut empty_at = rate.fresh(now);
        let decision = rate.take(&mut empty_at, now);
        shard.insert(Source::from(source), Entry { empty_at, expires });
        decision
    }

    /// The number of known sources.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }
}

/// Removes expired entries; if there are none and the shard is full, the eighth that expires first.
fn make_room(shard: &mut Shard, now: u64) {
    shard.retain(|_, entry| entry.expires > now);
    if shard.len() >= MAX_IN_SHARD {
        let mut expiries: Vec<u64> = shard.values().map(|entry| entry.expires).collect();
        let (_, limit, _) = expiries.select_nth_unstable(MAX_IN_SHARD / 8);
        let limit = *limit;
        let mut left = MAX_IN_SHARD / 8;
        shard.retain(|_, entry| {
            let goes = left > 0 && entry.expires <= limit;
            left -= usize::from(goes);
            !goes
        });
    }
}
