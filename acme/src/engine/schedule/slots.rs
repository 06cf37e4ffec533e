use crate::objects::Key;
use crate::planner::Urgency;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// The time without progress after which an order no longer keeps others from beginning.
const STALLED: Duration = Duration::from_secs(10);
/// How many times the limit may be under way together with those that make no progress.
const WITH_STALLED: usize = 4;

/// The orders under way, by the Certificate that they are for. One that has begun is finished before the next begins,
/// up to a limit; no namespace has more than half of the places, and renewals never have all.
#[derive(Debug)]
pub(super) struct Slots {
    limit: usize,
    begun: HashMap<Key, Begun>,
}

#[derive(Debug)]
struct Begun {
    urgency: Urgency,
    moved: Instant,
}

impl Slots {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), begun: HashMap::new() }
    }

    pub(super) fn contains(&self, certificate: &Key) -> bool {
        self.begun.contains_key(certificate)
    }

    /// Records that an order is under way.
    pub(super) fn begin(&mut self, certificate: Key, urgency: Urgency, now: Instant) {
        self.begun.entry(certificate).or_insert(Begun { urgency, moved: now });
    }

    /// Records progress.
    pub(super) fn touch(&mut self, certificate: &Key, now: Instant) {
        if let Some(begun) = self.begun.get_mut(certificate) {
            begun.moved = now;
        }
    }

    /// Records that an order has ended.
    pub(super) fn end(&mut self, certificate: &Key) {
        self.begun.remove(certificate);
    }

    /// The number of orders under way that make progress.
    pub(super) fn moving(&self, now: Instant) -> usize {
        self.begun.values().filter(|begun| now.duration_since(begun.moved) < STALLED).count()
    }

    /// True if nothing may begin.
    pub(super) fn is_full(&self, now: Instant) -> bool {
        self.begun.len() >= self.limit && self.moving(now) >= self.limit
    }

    /// Returns what may begin now.
    pub(super) fn room(&self, now: Instant) -> Room {
        let mut of_namespace: HashMap<String, usize> = HashMap::new();
        for key in self.begun.keys() {
            *of_namespace.entry(key.namespace.clone()).or_default() += 1;
        }
        let moving = || self.begun.values().filter(|begun| now.duration_since(begun.moved) < STALLED);
        Room {
            all: self
                .limit
                .saturating_sub(moving().count())
                .min((self.limit * WITH_STALLED).saturating_sub(self.begun.len())),
            renewals: (self.limit * 3)
                .div_ceil(4)
                .saturating_sub(moving().filter(|b| b.urgency == Urgency::Renewal).count()),
            of_namespace,
            namespace_limit: self.limit.div_ceil(2),
        }
    }

    /// The time at which the next order counts as stalled.
    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        self.begun.values().map(|begun| begun.moved + STALLED).filter(|at| *at > now).min()
    }
}

/// The places that are free.
#[derive(Debug)]
pub(super) struct Room {
    all: usize,
    renewals: usize,
    of_namespace: HashMap<String, usize>,
    namespace_limit: usize,
}

impl Room {
    /// True if nothing may begin.
    pub(super) fn is_full(&self) -> bool {
        self.all == 0
    }

    /// True if an order of this namespace may begin.
    pub(super) fn is_open(&self, namespace: &str, urgency: Urgency) -> bool {
        let taken = self.of_namespace.get(namespace).copied().unwrap_or(0);
        self.all > 0 && taken < self.namespace_limit && (urgency != Urgency::Renewal || self.renewals > 0)
    }

    /// Takes a place.
    pub(super) fn take(&mut self, namespace: &str, urgency: Urgency) {
        self.all = self.all.saturating_sub(1);
        *self.of_namespace.entry(namespace.to_owned()).or_default() += 1;
        if urgency == Urgency::Renewal {
            self.renewals = self.renewals.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(namespace: &str, number: usize) -> Key {
        Key::new(namespace, number.to_string())
    }

    #[test]
    fn a_namespace_and_renewals_leave_room_for_others() {
        let now = Instant::now();
        let mut slots = Slots::new(8);
        for number in 0..4 {
            slots.begin(key("a", number), Urgency::Missing, now);
        }
        assert!(!slots.room(now).is_open("a", Urgency::Missing) && slots.room(now).is_open("b", Urgency::Missing));
        for (namespace, urgency) in [("b", Urgency::Renewal), ("c", Urgency::Renewal), ("d", Urgency::Renewal)] {
            slots.begin(key(namespace, 0), urgency, now);
        }
        let mut room = slots.room(now);
        assert!(room.is_open("e", Urgency::Renewal));
        room.take("e", Urgency::Renewal);
        assert!(room.is_full() && !room.is_open("f", Urgency::Missing));
        slots.end(&key("a", 0));
        assert!(slots.room(now).is_open("a", Urgency::Expiring));
        let mut renewals = Slots::new(4);
        for number in 0..3 {
            renewals.begin(key(&number.to_string(), 0), Urgency::Renewal, now);
        }
        let room = renewals.room(now);
        assert!(!room.is_open("x", Urgency::Renewal) && room.is_open("x", Urgency::Missing));
    }

    #[test]
    fn who_makes_no_progress_gives_way() {
        let now = Instant::now();
        let later = now + STALLED;
        let mut slots = Slots::new(2);
        for number in 0..2 {
            slots.begin(key(&number.to_string(), 0), Urgency::Missing, now);
        }
        assert!(slots.room(now).is_full() && !slots.room(later).is_full());
        assert_eq!((slots.next(now), slots.moving(later)), (Some(later), 0));
        slots.touch(&key("0", 0), later);
        assert_eq!(slots.moving(later), 1);
        // But not without end.
        for number in 2..8 {
            slots.begin(key(&number.to_string(), 0), Urgency::Missing, now);
        }
        assert!(slots.room(later).is_full());
    }
}
