use crate::planner::Target;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::Hash;

/// Objects that wait for their turn: the lowest rank first, within a rank the lanes one after another, and within a
/// lane in the order of their arrival.
#[derive(Debug)]
pub(super) struct FairQueue<R, L> {
    ranks: BTreeMap<R, Lanes<L>>,
    /// The rank of each object and the number of its entry; other entries of it are void.
    places: HashMap<Target, (R, u64)>,
    count: u64,
}

#[derive(Debug)]
struct Lanes<L> {
    turns: VecDeque<L>,
    entries: HashMap<L, VecDeque<(Target, u64)>>,
}

impl<R, L> Default for FairQueue<R, L> {
    fn default() -> Self {
        Self { ranks: BTreeMap::new(), places: HashMap::new(), count: 0 }
    }
}

impl<R: Ord + Copy, L: Hash + Eq + Clone> FairQueue<R, L> {
    /// The number of objects.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Adds an object. One that waits at this rank already keeps its place.
    pub(super) fn push(&mut self, target: &Target, rank: R, lane: L) {
        if self.places.get(target).is_some_and(|(present, _)| *present == rank) {
            return;
        }
        self.count += 1;
        self.places.insert(target.clone(), (rank, self.count));
        let lanes = self.ranks.entry(rank).or_insert_with(|| Lanes { turns: VecDeque::new(), entries: HashMap::new() });
        let entries = lanes.entries.entry(lane.clone()).or_default();
        if entries.is_empty() {
            lanes.turns.push_back(lane);
        }
        entries.push_back((target.clone(), self.count));
    }

    /// Removes an object.
    pub(super) fn remove(&mut self, target: &Target) {
        self.places.remove(target);
    }

    /// Takes the next object whose rank and lane are `open`, and its rank. Its lane comes last then.
    pub(super) fn pop(&mut self, open: impl Fn(R, &L) -> bool) -> Option<(Target, R)> {
        let (target, rank, _) = self.take(open)?;
        Some((target, rank))
    }

    /// Like [`Self::pop`], with the lane.
    pub(super) fn pop_with_lane(&mut self, open: impl Fn(R, &L) -> bool) -> Option<(Target, L)> {
        let (target, _, lane) = self.take(open)?;
        Some((target, lane))
    }

    fn take(&mut self, open: impl Fn(R, &L) -> bool) -> Option<(Target, R, L)> {
        let ranks: Vec<R> = self.ranks.keys().copied().collect();
        for rank in ranks {
            let Some(lanes) = self.ranks.get_mut(&rank) else { continue };
            let found =
                lanes.pop(|lane| open(rank, lane), |target, number| self.places.get(target) == Some(&(rank, number)));
            if lanes.turns.is_empty() {
                self.ranks.remove(&rank);
            }
            if let Some((target, lane)) = found {
                self.places.remove(&target);
                return Some((target, rank, lane));
            }
        }
        None
    }
}

impl<L: Hash + Eq + Clone> Lanes<L> {
    fn pop(&mut self, open: impl Fn(&L) -> bool, is_valid: impl Fn(&Target, u64) -> bool) -> Option<(Target, L)> {
        for _ in 0..self.turns.len() {
            let lane = self.turns.pop_front()?;
            let Some(entries) = self.entries.get_mut(&lane) else { continue };
            while entries.front().is_some_and(|(target, number)| !is_valid(target, *number)) {
                entries.pop_front();
            }
            let found = if open(&lane) { entries.pop_front() } else { None };
            if entries.is_empty() {
                self.entries.remove(&lane);
            } else {
                self.turns.push_back(lane.clone());
            }
            if let Some((target, _)) = found {
                return Some((target, lane));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::Key;
    use crate::planner::Kind;

    fn target(lane: &str, name: &str) -> Target {
        (Kind::Certificate, Key::new(lane, name))
    }

    fn names(queue: &mut FairQueue<u8, String>, open: impl Fn(u8, &String) -> bool) -> Vec<String> {
        std::iter::from_fn(|| queue.pop(&open)).map(|((_, key), _)| key.name).collect()
    }

    #[test]
    fn lanes_take_turns_within_a_rank() {
        let mut queue = FairQueue::default();
        for (lane, name, rank) in
            [("a", "a1", 1), ("a", "a2", 1), ("a", "a3", 1), ("b", "b1", 1), ("c", "c1", 0), ("b", "b2", 1)]
        {
            queue.push(&target(lane, name), rank, lane.to_owned());
        }
        queue.push(&target("a", "a1"), 1, "a".to_owned());
        queue.remove(&target("a", "a2"));
        assert_eq!(queue.len(), 5);
        assert_eq!(names(&mut queue, |_, _| true), ["c1", "a1", "b1", "a3", "b2"]);
        assert_eq!((queue.len(), queue.pop(|_, _| true)), (0, None));
    }

    #[test]
    fn a_closed_lane_keeps_its_objects() {
        let mut queue = FairQueue::default();
        for (lane, name) in [("a", "a1"), ("b", "b1"), ("b", "b2")] {
            queue.push(&target(lane, name), 1, lane.to_owned());
        }
        assert_eq!(names(&mut queue, |_, lane| lane != "a"), ["b1", "b2"]);
        // Moved to another rank.
        queue.push(&target("a", "a1"), 0, "a".to_owned());
        assert_eq!(names(&mut queue, |rank, _| rank == 1), Vec::<String>::new());
        assert_eq!(names(&mut queue, |_, _| true), ["a1"]);
    }
}
