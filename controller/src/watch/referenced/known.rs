//! The knowledge of one object.

use super::subscriber::Subscribers;

/// The versions known of an object, and those who want it.
#[derive(Clone, Copy, Default)]
pub(super) struct Known {
    /// The version last reported; zero if the object does not exist or nothing was reported yet.
    pub(super) reported: u64,
    /// The newest version that the watch brought; zero if it brought none.
    pub(super) seen: u64,
    /// True if a list came without it after it was reported.
    pub(super) doubtful: bool,
    pub(super) named: Subscribers,
    /// Those who select its labels.
    pub(super) selected: Subscribers,
    /// Those who wait for it, also if it is the version last reported.
    pub(super) asked: Subscribers,
}

impl Known {
    /// True if the watch brought a version that was not reported.
    pub(super) const fn is_outdated(self) -> bool {
        self.reported == 0 || self.reported < self.seen
    }

    /// True if it must be read.
    pub(super) const fn is_stale(self) -> bool {
        self.is_outdated() || self.doubtful || !self.asked.is_empty()
    }

    pub(super) const fn wanted(self) -> Subscribers {
        self.named.and(self.selected)
    }

    /// Records that all are told that it does not exist, or did not at this version; returns those.
    pub(super) const fn gone(&mut self, version: u64) -> Subscribers {
        let to = self.wanted();
        *self = Self { reported: version, seen: version, named: self.named, ..EMPTY };
        to
    }
}

const EMPTY: Known = Known {
    reported: 0,
    seen: 0,
    doubtful: false,
    named: Subscribers::NONE,
    selected: Subscribers::NONE,
    asked: Subscribers::NONE,
};
