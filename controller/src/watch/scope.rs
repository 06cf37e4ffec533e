//! The selection of objects of a kind, and the watches that bring what several selections want.

use crate::selector::label_selector;
use kube::core::{ObjectMeta, Selector, SelectorExt as _};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The selection of objects of a kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    /// The namespaces; empty means all.
    pub(crate) namespaces: Vec<Arc<str>>,
    /// A label selector; empty selects all.
    pub(crate) labels: String,
}

impl Scope {
    /// Returns the namespaces of single watches; `None` is all.
    pub(crate) fn watched(&self) -> Vec<Option<Arc<str>>> {
        let all: BTreeSet<_> = self.namespaces.iter().cloned().collect();
        if all.is_empty() { vec![None] } else { all.into_iter().map(Some).collect() }
    }

    pub(crate) fn selector(&self) -> Option<String> {
        (!self.labels.is_empty()).then(|| self.labels.clone())
    }
}

/// The objects of one namespace, or of all, that labels select.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Selected {
    /// The namespace; `None` is all.
    pub(super) namespace: Option<Arc<str>>,
    /// A label selector; empty selects all.
    pub(super) labels: String,
}

/// The choice of objects from a watch that brings more than is wanted of it.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    namespace: Option<Arc<str>>,
    labels: Option<Selector>,
}

impl Filter {
    /// True if an object with this metadata is in a wanted namespace.
    pub(super) fn covers(&self, metadata: &ObjectMeta) -> bool {
        self.namespace.as_deref().is_none_or(|namespace| metadata.namespace.as_deref() == Some(namespace))
    }

    /// True if the labels of this metadata are selected.
    pub(super) fn selects(&self, metadata: &ObjectMeta) -> bool {
        let Some(selector) = &self.labels else { return true };
        metadata.labels.as_ref().map_or_else(|| selector.matches(&BTreeMap::new()), |labels| selector.matches(labels))
    }
}

/// Returns the watches that bring everything of `wants`, and for each of those in order the index of its watch and the
/// choice from it. Of overlapping wants only one is watched: all namespaces instead of some, all labels instead of
/// different ones. A selector that cannot be read here is left to the API server, in a watch of its own.
pub(super) fn merged(wants: &[Selected]) -> (Vec<Selected>, Vec<(usize, Filter)>) {
    let all = wants.iter().any(|want| want.namespace.is_none());
    let place = |want: &Selected| want.namespace.clone().filter(|_| !all);
    let labels = |want: &Selected| {
        let differ = wants.iter().any(|other| place(other) == place(want) && other.labels != want.labels);
        label_selector(&want.labels).ok().filter(|_| differ)
    };
    let mut watches: Vec<Selected> = Vec::new();
    let choices = wants.iter().map(|want| {
        let selector = labels(want);
        let labels = if selector.is_some() { String::new() } else { want.labels.clone() };
        let watch = Selected { namespace: place(want), labels };
        let index = watches.iter().position(|other| *other == watch).unwrap_or_else(|| {
            watches.push(watch);
            watches.len() - 1
        });
        (index, Filter { namespace: want.namespace.clone().filter(|_| all), labels: selector })
    });
    let choices = choices.collect();
    (watches, choices)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::json;

    fn selected(namespace: &str, labels: &str) -> Selected {
        let namespace = (!namespace.is_empty()).then(|| namespace.into());
        Selected { namespace, labels: labels.to_owned() }
    }

    fn takes((_, filter): &(usize, Filter), namespace: &str, label: &str) -> bool {
        let metadata = serde_json::from_value(json!({ "namespace": namespace, "labels": { "app": label } })).unwrap();
        filter.covers(&metadata) && filter.selects(&metadata)
    }

    #[test]
    fn equal_wants_share_a_watch_and_others_have_their_own() {
        let (watches, choices) = merged(&[selected("a", "app=x"), selected("b", ""), selected("a", "app=x")]);
        assert_eq!(watches, [selected("a", "app=x"), selected("b", "")]);
        assert_eq!(choices.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0, 1, 0]);
        assert!(takes(&choices[0], "a", "y"), "the API server selects");
    }

    #[test]
    fn all_namespaces_are_watched_instead_of_some() {
        let (watches, choices) = merged(&[selected("", ""), selected("a", "")]);
        assert_eq!(watches, [selected("", "")]);
        assert!(takes(&choices[0], "b", "") && takes(&choices[1], "a", "") && !takes(&choices[1], "b", ""));
    }

    #[test]
    fn all_labels_are_watched_if_some_are_wanted_beside_others() {
        let (watches, choices) = merged(&[selected("", "app in (x)"), selected("", ""), selected("a", "app!=x")]);
        assert_eq!(watches, [selected("", "")]);
        assert!(takes(&choices[0], "a", "x") && !takes(&choices[0], "a", "y"));
        assert!(takes(&choices[1], "a", "y") && !takes(&choices[2], "a", "x") && takes(&choices[2], "a", "y"));
    }

    #[test]
    fn an_unreadable_selector_is_left_to_the_server() {
        let (watches, _) = merged(&[selected("", "a b c"), selected("", "")]);
        assert_eq!(watches, [selected("", "a b c"), selected("", "")]);
    }
}
