//! Finds the entries that may match a path, without trying each.

use super::disjunct::PathKey;

/// Keys in byte order, each with the longest prefix key that it extends.
///
/// The keys that are prefixes of a path all lie on one chain: it starts at the last key not greater than the path, for
/// anything between a prefix of the path and the path starts with that prefix, too.
#[derive(Debug)]
pub(super) struct PathIndex {
    nodes: Box<[Node]>,
}

#[derive(Debug)]
struct Node {
    key: Box<[u8]>,
    /// Entries whose path equals the key, in order.
    exact: Box<[u32]>,
    /// Entries whose prefix is the key, in order.
    prefix: Box<[u32]>,
    /// The longest other key with prefix entries that this one starts with.
    parent: Option<u32>,
    /// The first of all prefix entries on the chain of parents from here.
    first: u32,
}

impl PathIndex {
    /// Indexes the entries that have a path; an entry's number is its position in the order.
    pub(super) fn build<'a>(paths: impl Iterator<Item = (u32, &'a PathKey)>) -> Self {
        let mut keyed: Vec<_> = paths
            .filter_map(|(entry, path)| match path {
                PathKey::Any => None,
                PathKey::Exact(key) => Some((&**key, true, entry)),
                PathKey::Prefix(key) => Some((&**key, false, entry)),
            })
            .collect();
        keyed.sort_unstable();
        let mut nodes: Vec<Node> = Vec::new();
        // Keys that the present one may start with, outermost first.
        let mut open: Vec<u32> = Vec::new();
        for group in keyed.chunk_by(|a, b| a.0 == b.0) {
            let Some((key, ..)) = group.first() else { continue };
            let of_kind = |exact: bool| group.iter().filter(|e| e.1 == exact).map(|e| e.2).collect::<Box<[u32]>>();
            let (exact, prefix) = (of_kind(true), of_kind(false));
            while open.last().and_then(|top| nodes.get(*top as usize)).is_some_and(|top| !key.starts_with(&top.key)) {
                open.pop();
            }
            let parent = open.last().copied();
            let above = parent.and_then(|parent| nodes.get(parent as usize)).map_or(u32::MAX, |parent| parent.first);
            let first = prefix.first().map_or(above, |own| above.min(*own));
            if !prefix.is_empty() {
                open.push(u32::try_from(nodes.len()).unwrap_or(u32::MAX));
            }
            nodes.push(Node { key: (*key).into(), exact, prefix, parent, first });
        }
        Self { nodes: nodes.into() }
    }

    /// The first entry below `limit` whose key matches the path and that `holds` accepts.
    pub(super) fn find(&self, path: &[u8], limit: u32, holds: impl Fn(u32) -> bool) -> Option<u32> {
        let first_of = |entries: &[u32], limit: u32| {
            entries.iter().copied().take_while(|entry| *entry < limit).find(|entry| holds(*entry))
        };
        let after = self.nodes.partition_point(|node| *node.key <= *path);
        let mut node = self.nodes.get(after.checked_sub(1)?);
        let mut best = node.filter(|node| *node.key == *path).and_then(|node| first_of(&node.exact, limit));
        while let Some(current) = node {
            let limit = best.unwrap_or(limit);
            if current.first >= limit {
                break;
            }
            if path.starts_with(&current.key) {
                best = first_of(&current.prefix, limit).or(best);
            }
            node = current.parent.and_then(|parent| self.nodes.get(parent as usize));
        }
        best
    }
}
