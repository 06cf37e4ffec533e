//! A rule's alternatives: `Host(a) && (Path(b) || PathPrefix(c))` is found at host a and path b, and at host a and
//! prefix c.

use super::condition::Condition;
use super::matcher::CompiledMatcher;
use super::view::RequestView;
use std::sync::Arc;

/// Maximum number of conditions in all alternatives of a rule; parts that would exceed it are evaluated as they stand.
const MAX_CONDITIONS: usize = 16_384;

/// Conditions that must all hold: those looked up in a table, and the rest.
#[derive(Debug)]
pub(super) struct Disjunct {
    pub(super) host: HostKey,
    pub(super) path: PathKey,
    /// `None` if host and path say it all.
    pub(super) rest: Option<Arc<[Condition]>>,
}

/// The host that a request must have.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum HostKey {
    Any,
    Exact(Arc<str>),
    /// One label before this domain.
    Wildcard(Arc<str>),
}

/// The routing path that a request must have.
#[derive(Clone, Debug)]
pub(super) enum PathKey {
    Any,
    Exact(Arc<[u8]>),
    Prefix(Arc<[u8]>),
}

impl PathKey {
    pub(super) fn matches(&self, request: &RequestView<'_>) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(path) => request.path() == &**path,
            Self::Prefix(path) => request.path().starts_with(path),
        }
    }
}

/// The alternatives of a rule; empty if no request can match.
pub(super) fn split(condition: &Condition) -> Vec<Disjunct> {
    alternatives(condition).into_iter().filter_map(disjunct).collect()
}

type Conjunction = Vec<Condition>;

/// The disjunctive normal form, within the budget.
fn alternatives(condition: &Condition) -> Vec<Conjunction> {
    match condition {
        Condition::Matcher { .. } => vec![vec![condition.clone()]],
        Condition::Any(parts) => {
            let all: Vec<_> = parts.iter().flat_map(alternatives).collect();
            if size(&all) > MAX_CONDITIONS { vec![vec![condition.clone()]] } else { all }
        }
        Condition::All(parts) => {
            let mut parts: Vec<_> = parts.iter().map(|part| (part, alternatives(part))).collect();
            // Hosts first: if the budget does not suffice, they are the best to look up.
            parts.sort_by_key(|(_, alternatives)| !names_hosts(alternatives));
            let (mut all, mut total, mut unsplit) = (vec![Vec::new()], 0, Vec::new());
            for (part, alternatives) in parts {
                let product = total * alternatives.len() + size(&alternatives) * all.len();
                if product > MAX_CONDITIONS {
                    unsplit.push(part.clone());
                } else {
                    multiply(&mut all, alternatives);
                    total = product;
                }
            }
            if !unsplit.is_empty() {
                multiply(&mut all, vec![vec![Condition::All(unsplit.into())]]);
            }
            all
        }
    }
}

fn size(alternatives: &[Conjunction]) -> usize {
    alternatives.iter().map(Vec::len).sum()
}

fn multiply(left: &mut Vec<Conjunction>, right: Vec<Conjunction>) {
    if let [only] = &right[..] {
        left.iter_mut().for_each(|conjunction| conjunction.extend_from_slice(only));
    } else {
        *left = left.iter().flat_map(|a| right.iter().map(move |b| [&a[..], b].concat())).collect();
    }
}

fn names_hosts(alternatives: &[Conjunction]) -> bool {
    let names_host = |condition: &Condition| {
        matches!(condition.plain(), Some(CompiledMatcher::Host(_) | CompiledMatcher::HostWildcard(_)))
    };
    alternatives.iter().all(|conjunction| conjunction.iter().any(names_host))
}

/// Chooses the conditions to look up. A condition that the look-up decides completely is not evaluated again.
fn disjunct(mut conjunction: Conjunction) -> Option<Disjunct> {
    if conjunction.iter().any(|condition| condition.constant() == Some(false)) {
        return None;
    }
    conjunction.retain(|condition| condition.constant().is_none());
    let host = take_best(&mut conjunction, |matcher| match matcher {
        CompiledMatcher::Host(host) => Some((1, HostKey::Exact(host.clone()), true)),
        CompiledMatcher::HostWildcard(parent) => Some((0, HostKey::Wildcard(parent.clone()), true)),
        _ => None,
    });
    let path = take_best(&mut conjunction, |matcher| match matcher {
        CompiledMatcher::Path(path) => Some((usize::MAX, PathKey::Exact(path.clone()), true)),
        CompiledMatcher::PathPrefix(path) => Some((path.len(), PathKey::Prefix(path.clone()), true)),
        CompiledMatcher::PathRegexp { prefix: Some(prefix), .. } => {
            Some((prefix.len(), PathKey::Prefix(prefix.clone()), false))
        }
        _ => None,
    });
    Some(Disjunct {
        host: host.unwrap_or(HostKey::Any),
        path: path.unwrap_or(PathKey::Any),
        rest: (!conjunction.is_empty()).then(|| conjunction.into()),
    })
}

/// The key of the most selective condition; the condition is removed if the key expresses it completely.
fn take_best<K>(
    conjunction: &mut Conjunction,
    key: impl Fn(&CompiledMatcher) -> Option<(usize, K, bool)>,
) -> Option<K> {
    let keys = conjunction.iter().enumerate().filter_map(|(index, c)| Some((index, key(c.plain()?)?)));
    let (index, (_, key, decides_fully)) = keys.max_by_key(|(_, (rank, ..))| *rank)?;
    if decides_fully {
        conjunction.remove(index);
    }
    Some(key)
}
