//! Weighted round robin, computed in advance.
//!
//! Traefik keeps a heap in which every choice pushes a server's deadline back by 1/weight. That order repeats after as
//! many choices as the sum of weights, so it is computed once, and a request costs one atomic addition. In each such
//! cycle every server gets exactly its weight in choices, spread in the same way.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Maximum length of a cycle. Weights of a greater sum are scaled to it, which changes a share by at most 1/65536 for
/// each server; none drops to zero.
const MAX_SCHEDULE: u64 = 1 << 16;

/// Indexes in the order of the cycle.
#[derive(Debug)]
pub(super) struct WeightedRoundRobin {
    schedule: Box<[u32]>,
    next: AtomicUsize,
}

impl WeightedRoundRobin {
    /// Indexes `0..weights.len()`, each as often as its weight; those of zero or less are left out. Begins at `start`.
    pub(super) fn new(weights: &[i64], start: usize) -> Self {
        Self { schedule: schedule(weights), next: AtomicUsize::new(start) }
    }

    /// The next index.
    pub(super) fn next(&self) -> Option<usize> {
        let length = self.schedule.len();
        if length == 0 {
            return None;
        }
        let at = self.next.fetch_add(1, Ordering::Relaxed) % length;
        self.schedule.get(at).map(|index| *index as usize)
    }

    /// The next index for which `wanted` is true. Those before it have had their turn, so that the others share by
    /// their weights.
    pub(super) fn next_of(&self, wanted: impl Fn(usize) -> bool) -> Option<usize> {
        (0..self.schedule.len()).find_map(|_| self.next().filter(|index| wanted(*index)))
    }

    /// The first index from here on for which `wanted` is true; does not advance the rotation.
    pub(super) fn find(&self, wanted: impl Fn(usize) -> bool) -> Option<usize> {
        let length = self.schedule.len();
        let from = self.position().checked_rem(length)?;
        self.schedule.iter().cycle().skip(from).take(length).map(|index| *index as usize).find(|index| wanted(*index))
    }

    /// The current position, for the rotation that takes over.
    pub(super) fn position(&self) -> usize {
        self.next.load(Ordering::Relaxed)
    }
}

fn schedule(weights: &[i64]) -> Box<[u32]> {
    let divisor = weights.iter().filter(|w| **w > 0).fold(0, |divisor, weight| gcd(divisor, weight.unsigned_abs()));
    let mut weights: Vec<u64> =
        weights.iter().map(|weight| if *weight > 0 { weight.unsigned_abs() / divisor } else { 0 }).collect();
    let sum: u64 = weights.iter().sum();
    if sum > MAX_SCHEDULE {
        for weight in weights.iter_mut().filter(|weight| **weight > 0) {
            *weight = (u128::from(*weight) * u128::from(MAX_SCHEDULE) / u128::from(sum)).max(1) as u64;
        }
    }
    // The k-th choice of a server of weight w has the deadline k/w.
    let mut choices: Vec<(u64, u64, u32)> = Vec::new();
    for (index, weight) in (0u32..).zip(&weights) {
        choices.extend((1..=*weight).map(|k| (k, *weight, index)));
    }
    choices.sort_by(|(k, w, a), (l, v, b)| (k * v).cmp(&(l * w)).then(a.cmp(b)));
    choices.into_iter().map(|(.., index)| index).collect()
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
