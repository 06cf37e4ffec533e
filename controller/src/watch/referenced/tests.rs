#![allow(clippy::unwrap_used, reason = "tests")]

use super::fetch::{Fetched, Sort};
use super::state::Referenced;
use super::subscriber::{Delivery, Reading, ReferenceSubscriber, Resolution, Subscribers};
use super::*;
use crate::mock_api::Cluster;
use crate::view::ObjectKey;
use crate::watch::watcher::WatchEvent;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::Event;
use serde_json::{Value, json};
use std::ops::ControlFlow;

const A: Subscribers = Subscribers::one(0);
const B: Subscribers = Subscribers::one(1);

struct Nobody;

impl ReferenceSubscriber<()> for Nobody {
    async fn handle(&mut self, _: Resolution<()>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Two subscribers, of which the second also selects what is labelled.
fn state() -> Referenced<ConfigMap> {
    let reader = |labels: Option<LabelChoice>| {
        let reader: AnyReader<ConfigMap> =
            Box::new(Reading { read: |_: &ConfigMap| (), namespaces: Vec::new(), labels, subscriber: Nobody });
        Some(reader)
    };
    let source = Source {
        client: Cluster::default().client(),
        outage: Outage::default(),
        namespace: None,
        sort: Sort::default(),
    };
    Referenced::new(source, vec![reader(None), reader(Some(Arc::new(|metadata| metadata.labels.is_some())))])
}

fn key() -> ObjectKey {
    ObjectKey::new("n", "x")
}

fn metadata(version: u64, labels: &Value) -> Value {
    json!({ "metadata": { "name": "x", "namespace": "n", "resourceVersion": version.to_string(), "labels": labels } })
}

fn object(version: u64) -> ConfigMap {
    serde_json::from_value(metadata(version, &Value::Null)).unwrap()
}

fn passed(state: &mut Referenced<ConfigMap>, version: u64, labels: &Value) -> Vec<String> {
    let object: PartialObjectMeta<ConfigMap> = serde_json::from_value(metadata(version, labels)).unwrap();
    told(state.handle(WatchEvent::Event(Event::Apply(object))))
}

fn deleted(state: &mut Referenced<ConfigMap>, version: u64) -> Vec<String> {
    let object: PartialObjectMeta<ConfigMap> = serde_json::from_value(metadata(version, &Value::Null)).unwrap();
    told(state.handle(WatchEvent::Event(Event::Delete(object))))
}

fn fetched(state: &mut Referenced<ConfigMap>, before: u64, found: Option<u64>) -> Vec<String> {
    told(state.fetched(Fetched::One { key: key(), before, outcome: Ok(found.map(object)) }))
}

/// Subscribers and the messages that they got.
fn told(deliveries: Vec<Delivery<ConfigMap>>) -> Vec<String> {
    let words = |delivery: Delivery<ConfigMap>| {
        let names = [(A, "a"), (B, "b")].into_iter().filter(|(one, _)| delivery.to.contains(*one));
        let names: String = names.map(|(_, name)| name).collect();
        let news = match delivery.resolution {
            Resolution::Listed => "listed".to_owned(),
            Resolution::Outdated(_) => "outdated".to_owned(),
            Resolution::Is(_, object) => {
                object.map_or_else(|| "none".to_owned(), |object| object.metadata.resource_version.unwrap())
            }
            Resolution::Unreadable(..) => "unreadable".to_owned(),
            Resolution::Dropped(_) => "dropped".to_owned(),
        };
        format!("{names} {news}")
    };
    deliveries.into_iter().map(words).collect()
}

#[tokio::test]
async fn a_version_is_told_once_and_again_only_to_those_who_ask() {
    let mut state = state();
    state.named(A, vec![key()]);
    assert_eq!(fetched(&mut state, 0, Some(5)), ["a 5"]);
    assert_eq!(passed(&mut state, 5, &Value::Null), Vec::<String>::new());
    state.named(B, vec![key()]);
    assert_eq!(fetched(&mut state, 5, Some(5)), ["b 5"]);
    assert_eq!(passed(&mut state, 6, &Value::Null), ["ab outdated"]);
    assert_eq!(fetched(&mut state, 5, Some(6)), ["ab 6"]);
}

#[tokio::test]
async fn what_was_overtaken_is_not_told() {
    let mut state = state();
    state.named(A, vec![key()]);
    assert_eq!(fetched(&mut state, 0, Some(5)), ["a 5"]);
    passed(&mut state, 7, &Value::Null);
    assert_eq!(fetched(&mut state, 5, Some(7)), ["a 7"]);
    assert_eq!(told(state.fetched(Fetched::Page(vec![object(6)]))), Vec::<String>::new(), "an old page");
    assert_eq!(fetched(&mut state, 5, Some(6)), Vec::<String>::new(), "an old fetch");
    assert_eq!(fetched(&mut state, 5, None), Vec::<String>::new(), "an old fetch of nothing");
    assert_eq!(deleted(&mut state, 9), ["a none"]);
    assert_eq!(fetched(&mut state, 7, Some(7)), Vec::<String>::new(), "a fetch from before the deletion");
    assert_eq!(deleted(&mut state, 8), Vec::<String>::new(), "an old deletion");
}

#[tokio::test]
async fn labels_select_until_they_are_gone() {
    let mut state = state();
    let labels = json!({ "a": "b" });
    assert_eq!(passed(&mut state, 3, &Value::Null), Vec::<String>::new());
    assert_eq!(passed(&mut state, 4, &labels), ["b outdated"]);
    // The label went away before it was read.
    assert_eq!(fetched(&mut state, 0, Some(5)), ["b dropped"]);
    state.named(A, vec![key()]);
    assert_eq!(fetched(&mut state, 0, Some(5)), ["a 5"]);
    assert_eq!(passed(&mut state, 6, &labels), ["ab outdated"]);
    assert_eq!(passed(&mut state, 7, &Value::Null), ["b dropped", "a outdated"]);
}

#[tokio::test]
async fn who_is_told_that_something_is_outdated_is_told_how_it_ends() {
    let mut state = state();
    state.named(A, vec![key()]);
    fetched(&mut state, 0, Some(5));
    assert_eq!(passed(&mut state, 6, &Value::Null), ["a outdated"]);
    let none = hashbrown::HashSet::default();
    assert_eq!(told(state.only(A, &none)), ["a dropped"]);
    assert_eq!(fetched(&mut state, 5, Some(6)), Vec::<String>::new());

    state.named(A, vec![key()]);
    let refused = || Err(kube::Error::LinesCodecMaxLineLengthExceeded);
    assert_eq!(told(state.fetched(Fetched::One { key: key(), before: 0, outcome: refused() })), ["a unreadable"]);
    assert_eq!(fetched(&mut state, 0, Some(6)), ["a 6"]);
    // Also if it is the version that was known before.
    assert_eq!(told(state.fetched(Fetched::One { key: key(), before: 6, outcome: refused() })), ["a unreadable"]);
    assert_eq!(fetched(&mut state, 6, Some(6)), ["a 6"]);
}

#[tokio::test]
async fn what_a_list_lacks_is_read_again_if_it_was_told() {
    let mut state = state();
    state.named(A, vec![key()]);
    assert_eq!(fetched(&mut state, 0, Some(5)), ["a 5"]);
    state.handle(WatchEvent::Event(Event::InitDone));
    state.handle(WatchEvent::Event(Event::Init));
    assert_eq!(told(state.handle(WatchEvent::Event(Event::InitDone))), ["ab listed"]);
    assert_eq!(fetched(&mut state, 5, Some(5)), Vec::<String>::new(), "it is still there");
    state.handle(WatchEvent::Event(Event::Init));
    state.handle(WatchEvent::Event(Event::InitDone));
    assert_eq!(fetched(&mut state, 5, None), ["a none"]);
    state.handle(WatchEvent::Event(Event::Init));
    assert_eq!(told(state.handle(WatchEvent::Event(Event::InitDone))), ["a none", "ab listed"]);
}
