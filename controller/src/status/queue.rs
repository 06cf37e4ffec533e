//! The statuses that wait: of each object the newest, in order of planning.

use super::StatusPatch;
use crate::view::{Kind, ObjectKey};
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// The queue of statuses.
#[derive(Default)]
pub(super) struct Queue {
    /// The objects in order, each with the generation that it waits for. An entry that is not in `waiting` has been
    /// overtaken.
    order: VecDeque<(Kind, ObjectKey, u64)>,
    waiting: HashMap<(Kind, ObjectKey), (u64, Arc<Value>)>,
    /// The number of replacements, and that of the last one of each kind.
    round: u64,
    replaced: HashMap<Kind, u64>,
}

impl Queue {
    /// Adds a status. One of the same object with the same body that waits already keeps its place, another is replaced.
    pub(super) fn push(&mut self, StatusPatch { kind, key, generation, body }: StatusPatch) {
        let id = (kind, key);
        if self.waiting.get(&id).is_some_and(|(_, waiting)| Arc::ptr_eq(waiting, &body) || *waiting == body) {
            return;
        }
        self.order.push_back((kind, id.1.clone(), generation));
        self.waiting.insert(id, (generation, body));
    }

    /// Adds a status that was not written, which was taken in this round; unless a newer one waits, or it was not among
    /// those of a later replacement.
    pub(super) fn push_again(&mut self, patch: StatusPatch, round: u64) {
        let is_replaced = self.replaced.get(&patch.kind).is_some_and(|replaced| *replaced > round);
        if !is_replaced && !self.waiting.contains_key(&(patch.kind, patch.key.clone())) {
            self.push(patch);
        }
    }

    /// Replaces all statuses of a kind.
    pub(super) fn replace(&mut self, kind: Kind, patches: Vec<StatusPatch>) {
        self.round += 1;
        self.replaced.insert(kind, self.round);
        let mut old: HashMap<_, _> = self.waiting.extract_if(|(waiting, _), _| *waiting == kind).collect();
        for patch in patches {
            let id = (kind, patch.key.clone());
            if let Some(same) = old.remove(&id).filter(|(_, body)| *body == patch.body) {
                self.waiting.insert(id, same);
            } else {
                self.push(patch);
            }
        }
        let waiting = &self.waiting;
        self.order.retain(|(kind, key, generation)| is_current(waiting, *kind, key, *generation));
    }

    pub(super) fn clear(&mut self) {
        self.order.clear();
        self.waiting.clear();
    }

    /// Returns the number of replacements so far.
    pub(super) const fn round(&self) -> u64 {
        self.round
    }

    /// Takes the first status, if the generation that it waits for is served.
    pub(super) fn pop(&mut self, served: u64) -> Option<StatusPatch> {
        while let Some((kind, key, generation)) = self.order.pop_front_if(|(kind, key, generation)| {
            *generation <= served || !is_current(&self.waiting, *kind, key, *generation)
        }) {
            if is_current(&self.waiting, kind, &key, generation)
                && let Some((_, body)) = self.waiting.remove(&(kind, key.clone()))
            {
                return Some(StatusPatch { kind, key, generation, body });
            }
        }
        None
    }
}

fn is_current(
    waiting: &HashMap<(Kind, ObjectKey), (u64, Arc<Value>)>,
    kind: Kind,
    key: &ObjectKey,
    generation: u64,
) -> bool {
    waiting.get(&(kind, key.clone())).is_some_and(|(waits_for, _)| *waits_for == generation)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::json;

    fn patch(name: &str, generation: u64, body: u32) -> StatusPatch {
        StatusPatch {
            kind: Kind::Ingress,
            key: ObjectKey::new("n", name),
            generation,
            body: Arc::new(json!({ "body": body })),
        }
    }

    fn popped(queue: &mut Queue, served: u64) -> Vec<String> {
        std::iter::from_fn(|| queue.pop(served))
            .map(|patch| format!("{} {}", patch.key.name, patch.body["body"]))
            .collect()
    }

    #[test]
    fn each_waits_for_its_generation_in_order() {
        let mut queue = Queue::default();
        for (name, generation) in [("a", 1), ("b", 1), ("c", 2)] {
            queue.push(patch(name, generation, 0));
        }
        assert_eq!(popped(&mut queue, 0), [] as [&str; 0]);
        assert_eq!(popped(&mut queue, 1), ["a 0", "b 0"]);
        assert_eq!(popped(&mut queue, 2), ["c 0"]);
    }

    #[test]
    fn the_newest_of_an_object_is_written_once_and_the_same_keeps_its_place() {
        let mut queue = Queue::default();
        queue.push(patch("a", 1, 1));
        queue.push(patch("b", 1, 1));
        queue.push(patch("a", 2, 2));
        queue.push(patch("b", 2, 1));
        assert_eq!(popped(&mut queue, 1), ["b 1"], "a new status is of what is not served yet");
        assert_eq!(popped(&mut queue, 2), ["a 2"]);
    }

    #[test]
    fn a_replacement_drops_what_it_lacks_also_if_it_was_being_written() {
        let mut queue = Queue::default();
        for name in ["a", "b", "c"] {
            queue.push(patch(name, 1, 1));
        }
        let round = queue.round();
        let [a, b] = [queue.pop(1).unwrap(), queue.pop(1).unwrap()];
        queue.push_again(a.clone(), round);
        queue.replace(Kind::Ingress, vec![patch("a", 1, 2)]);
        queue.push_again(b, round);
        queue.push_again(a, round);
        assert_eq!(popped(&mut queue, 1), ["a 2"]);
    }
}
