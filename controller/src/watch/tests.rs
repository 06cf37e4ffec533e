#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::crd::{Group, MiddlewareSpec};
use crate::mock_api::Cluster;
use crate::view::{ObjectKey, Reference};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const INGRESSES: &str = "/apis/networking.k8s.io/v1/namespaces/default/ingresses";
const SECRETS: &str = "/api/v1/namespaces/default/secrets";
const MIDDLEWARES: &str = "/apis/traefik.io/v1alpha1/namespaces/default/middlewares";

fn everything() -> Plan {
    Plan {
        class: String::new(),
        ingress: Some(Scope::default()),
        classes: true,
        custom: Some(Scope::default()),
        nodes: true,
        published: None,
    }
}

fn ingress(secret: &str) -> Value {
    json!({ "spec": { "tls": [{ "secretName": secret }], "rules": [{ "host": "a.test" }] } })
}

fn secret(value: &str) -> Value {
    json!({ "type": "Opaque", "stringData": { "a": value } })
}

fn key(name: &str) -> ObjectKey {
    ObjectKey::new("default", name)
}

/// Handles changes until the view is as wanted.
async fn until(watch: &mut Watch, wanted: impl Fn(&Watch) -> bool) {
    timeout(Duration::from_secs(300), async {
        while !wanted(watch) {
            watch.changed().await;
        }
    })
    .await
    .expect("the view did not become what was wanted");
}

/// Starts the watches; they end with the test.
fn start(cluster: &Cluster, plan: Plan) -> Watch {
    let mut informers = Informers::new(cluster.client());
    let watch = Watch::new(plan, &mut informers);
    informers.start(CancellationToken::new());
    watch
}

async fn synced(cluster: &Cluster, plan: Plan) -> Watch {
    let mut watch = start(cluster, plan);
    until(&mut watch, Watch::is_synced).await;
    watch
}

fn value_of(watch: &Watch, name: &str) -> Option<String> {
    let secret = watch.view.secret(&key(name))?;
    secret.data.get("a").map(|value| String::from_utf8(value.to_vec()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn lists_and_follows() {
    for streaming in [true, false] {
        let cluster = Cluster::default();
        if !streaming {
            cluster.refuse_streaming_lists();
        }
        cluster.put(&format!("{INGRESSES}/a"), ingress("s"));
        cluster.put("/api/v1/namespaces/default/services/web", json!({ "spec": { "ports": [{ "port": 80 }] } }));
        cluster.put(
            "/apis/networking.k8s.io/v1/ingressclasses/traefik",
            json!({
                "spec": { "controller": "traefik.io/ingress-controller" }
            }),
        );
        let mut watch = synced(&cluster, everything()).await;
        assert!(watch.view.ingress(&key("a")).is_some() && watch.view.service(&key("web")).is_some());
        assert!(watch.view.ingress_class("traefik").is_some_and(|class| class.ours));

        cluster.put(&format!("{INGRESSES}/b"), ingress("s"));
        cluster.delete(&format!("{INGRESSES}/a"));
        until(&mut watch, |w| w.view.ingress(&key("b")).is_some() && w.view.ingress(&key("a")).is_none()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_keeps_what_is_known_and_then_catches_up() {
    let cluster = Cluster::default();
    cluster.put(&format!("{INGRESSES}/a"), ingress("s"));
    cluster.put(&format!("{INGRESSES}/b"), ingress("s"));
    let mut watch = synced(&cluster, everything()).await;

    cluster.fail("/", 503);
    assert!(timeout(Duration::from_secs(60), watch.changed()).await.is_err(), "nothing is to be told");
    assert!(watch.outage.lasts());
    assert!(watch.is_synced() && watch.view.ingress(&key("a")).is_some());

    cluster.delete(&format!("{INGRESSES}/a"));
    cluster.put(&format!("{INGRESSES}/c"), ingress("s"));
    cluster.heal();
    until(&mut watch, |w| w.view.ingress(&key("c")).is_some()).await;
    assert!(watch.view.ingress(&key("b")).is_some());
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert!(!watch.outage.lasts(), "also watches without an event know that the server is back");
}

#[tokio::test(start_paused = true)]
async fn a_new_list_replaces_the_old_at_once() {
    let cluster = Cluster::default();
    for name in ["a", "b"] {
        cluster.put(&format!("{INGRESSES}/{name}"), ingress("s"));
    }
    let mut watch = synced(&cluster, everything()).await;
    // The versions that the watch knows are too old: it has to list anew.
    cluster.expire();
    cluster.delete(&format!("{INGRESSES}/a"));
    cluster.put(&format!("{INGRESSES}/c"), ingress("s"));
    let mut seen = Vec::new();
    timeout(Duration::from_secs(300), async {
        while watch.view.ingress(&key("c")).is_none() {
            watch.changed().await;
            seen.push(watch.view.ingresses().len());
        }
    })
    .await
    .unwrap();
    assert!(seen.iter().all(|&count| count == 2), "half a cluster was seen: {seen:?}");
    assert!(watch.view.ingress(&key("a")).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_kind_without_permission_is_named_and_the_rest_goes_on() {
    let cluster = Cluster::default();
    cluster.fail("ingressclasses", 403);
    cluster.put(&format!("{INGRESSES}/a"), ingress("s"));
    let mut watch = synced(&cluster, everything()).await;
    assert!(watch.take_problems_changed());
    let problems: Vec<_> = watch.problems().collect();
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].subject.kind, "IngressClass");
    assert!(problems[0].message.contains("ingressclasses.networking.k8s.io"), "{}", problems[0].message);
    assert!(watch.view.ingress(&key("a")).is_some());

    cluster.heal();
    until(&mut watch, |w| w.problems().next().is_none()).await;
    assert!(watch.take_problems_changed());
}

#[tokio::test(start_paused = true)]
async fn only_secrets_that_are_named_are_held() {
    let cluster = Cluster::default();
    for index in 0..500 {
        cluster.put(&format!("{SECRETS}/other-{index}"), secret("x"));
    }
    cluster.put(&format!("{SECRETS}/named"), secret("1"));
    cluster.put(&format!("{INGRESSES}/a"), ingress("named"));
    let mut watch = synced(&cluster, everything()).await;
    assert_eq!(watch.view.keys(Kind::Secret), [key("named")]);
    let one = cluster.requests("GET /api/v1/namespaces/default/secrets/");
    assert!(!one.is_empty() && one.iter().all(|request| request.contains("/secrets/named")), "{one:?}");

    // A change of the object; one that appears later; one that existed before it was named; one that is deleted.
    cluster.put(&format!("{SECRETS}/named"), secret("2"));
    until(&mut watch, |w| value_of(w, "named").as_deref() == Some("2")).await;
    cluster.put(&format!("{INGRESSES}/b"), ingress("later"));
    until(&mut watch, |w| w.view.ingress(&key("b")).is_some() && w.is_synced()).await;
    cluster.put(&format!("{SECRETS}/later"), secret("3"));
    until(&mut watch, |w| value_of(w, "later").as_deref() == Some("3")).await;
    cluster.put(&format!("{INGRESSES}/c"), ingress("other-7"));
    until(&mut watch, |w| w.view.secret(&key("other-7")).is_some()).await;
    cluster.delete(&format!("{SECRETS}/named"));
    until(&mut watch, |w| w.view.secret(&key("named")).is_none()).await;
    cluster.delete(&format!("{INGRESSES}/c"));
    until(&mut watch, |w| w.view.secret(&key("other-7")).is_none()).await;
}

#[tokio::test(start_paused = true)]
async fn many_that_are_named_at_once_come_in_pages() {
    let cluster = Cluster::default();
    for index in 0..1000 {
        let sort = if index % 10 == 0 { "Opaque" } else { "kubernetes.io/tls" };
        let value = json!({ "type": sort, "stringData": { "a": format!("{index}") } });
        cluster.put(&format!("{SECRETS}/s{index}"), value);
        cluster.put(&format!("{INGRESSES}/a{index}"), ingress(&format!("s{index}")));
    }
    cluster.put(&format!("{INGRESSES}/b"), ingress("none"));
    let mut watch = synced(&cluster, everything()).await;
    for index in 0..1000 {
        assert_eq!(value_of(&watch, &format!("s{index}")), Some(format!("{index}")));
    }
    assert!(!cluster.requests("continue=").is_empty());
    let single = cluster.requests("GET /api/v1/namespaces/default/secrets/").len();
    assert!((101..250).contains(&single), "{single} were fetched one by one");

    cluster.put(&format!("{SECRETS}/s7"), secret("new"));
    until(&mut watch, |w| value_of(w, "s7").as_deref() == Some("new")).await;
    cluster.put(&format!("{SECRETS}/none"), secret("there"));
    until(&mut watch, |w| value_of(w, "none").as_deref() == Some("there")).await;
}

#[tokio::test(start_paused = true)]
async fn without_pages_each_is_fetched() {
    let cluster = Cluster::default();
    cluster.fail("fieldSelector=type", 500);
    for index in 0..400 {
        cluster.put(&format!("{SECRETS}/s{index}"), json!({ "type": "kubernetes.io/tls", "stringData": { "a": "1" } }));
        cluster.put(&format!("{INGRESSES}/a{index}"), ingress(&format!("s{index}")));
    }
    let watch = synced(&cluster, everything()).await;
    assert_eq!(watch.view.keys(Kind::Secret).len(), 400);
}

#[tokio::test(start_paused = true)]
async fn what_is_named_is_not_pending_for_long() {
    let cluster = Cluster::default();
    cluster.put(&format!("{SECRETS}/there"), secret("1"));
    let mut watch = synced(&cluster, everything()).await;
    assert!(watch.pending_since().is_none());
    cluster.put(&format!("{INGRESSES}/a"), ingress("there"));
    until(&mut watch, |w| w.view.ingress(&key("a")).is_some()).await;
    until(&mut watch, |w| w.pending_since().is_none()).await;
    assert!(watch.view.secret(&key("there")).is_some());
}

#[tokio::test(start_paused = true)]
async fn many_names_that_come_and_go_do_not_stay() {
    let cluster = Cluster::default();
    let mut watch = synced(&cluster, everything()).await;
    for index in 0..3000 {
        cluster.put(&format!("{INGRESSES}/a"), ingress(&format!("s{index}")));
        if index % 100 == 0 {
            until(&mut watch, |w| w.view.wants(&Reference::Secret(key(&format!("s{index}"))))).await;
        }
    }
    cluster.put(&format!("{SECRETS}/last"), secret("1"));
    cluster.put(&format!("{INGRESSES}/a"), ingress("last"));
    until(&mut watch, |w| value_of(w, "last").as_deref() == Some("1") && w.pending_since().is_none()).await;
    cluster.put(&format!("{SECRETS}/last"), secret("2"));
    until(&mut watch, |w| value_of(w, "last").as_deref() == Some("2")).await;
    assert_eq!(watch.view.keys(Kind::Secret), [key("last")]);
}

#[tokio::test(start_paused = true)]
async fn without_permission_for_all_secrets_they_are_watched_by_name() {
    let cluster = Cluster::default();
    cluster.fail("GET /api/v1/secrets", 403);
    cluster.put(&format!("{SECRETS}/named"), secret("1"));
    cluster.put(&format!("{INGRESSES}/a"), ingress("named"));
    let mut watch = synced(&cluster, everything()).await;
    assert_eq!(value_of(&watch, "named").as_deref(), Some("1"));
    assert!(watch.problems().next().is_none());
    cluster.put(&format!("{SECRETS}/named"), secret("2"));
    until(&mut watch, |w| value_of(w, "named").as_deref() == Some("2")).await;
    cluster.put(&format!("{INGRESSES}/b"), ingress("later"));
    cluster.put(&format!("{SECRETS}/later"), secret("3"));
    until(&mut watch, |w| value_of(w, "later").as_deref() == Some("3")).await;
    assert!(!cluster.requests("fieldSelector=metadata.name").is_empty());
}

#[tokio::test(start_paused = true)]
async fn without_any_permission_for_secrets_that_is_said() {
    let cluster = Cluster::default();
    cluster.fail("/secrets", 403);
    cluster.put(&format!("{INGRESSES}/a"), ingress("named"));
    let watch = synced(&cluster, everything()).await;
    let problems: Vec<_> = watch.problems().collect();
    assert_eq!((problems[0].subject.kind, &*problems[0].subject.namespace), ("Secret", "default"));
}

#[tokio::test(start_paused = true)]
async fn secrets_are_left_alone_while_none_is_named() {
    let cluster = Cluster::default();
    cluster.put(&format!("{SECRETS}/other"), secret("1"));
    let _watch = synced(&cluster, everything()).await;
    assert_eq!(cluster.requests("/secrets"), Vec::<String>::new());
    assert_eq!(cluster.requests("/configmaps"), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn custom_kinds_come_and_go() {
    let cluster = Cluster::default();
    let mut watch = synced(&cluster, everything()).await;
    cluster.serve("traefik.io/v1alpha1", &["middlewares", "ingressroutes"]);
    cluster.put(&format!("{MIDDLEWARES}/m"), json!({ "spec": { "addPrefix": { "prefix": "/x" } } }));
    until(&mut watch, |w| w.view.keys(Kind::Middleware(Group::TraefikIo)) == [key("m")]).await;

    cluster.serve("traefik.containo.us/v1alpha1", &["middlewares"]);
    let legacy = MIDDLEWARES.replace("traefik.io", "traefik.containo.us");
    cluster.put(&format!("{legacy}/old"), json!({ "spec": { "compress": {} } }));
    until(&mut watch, |w| !w.view.keys(Kind::Middleware(Group::TraefikContainoUs)).is_empty()).await;

    cluster.serve("traefik.io/v1alpha1", &[]);
    until(&mut watch, |w| w.view.keys(Kind::Middleware(Group::TraefikIo)).is_empty()).await;
    assert!(!watch.view.keys(Kind::Middleware(Group::TraefikContainoUs)).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_changed_definition_is_noticed_at_once() {
    let cluster = Cluster::default();
    let mut watch = synced(&cluster, everything()).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    let before = Instant::now();
    cluster.serve("traefik.io/v1alpha1", &["middlewares"]);
    cluster.put(&format!("{MIDDLEWARES}/m"), json!({ "spec": { "compress": {} } }));
    cluster.put(
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/middlewares.traefik.io",
        json!({ "metadata": {} }),
    );
    until(&mut watch, |w| !w.view.keys(Kind::Middleware(Group::TraefikIo)).is_empty()).await;
    assert!(before.elapsed() < Duration::from_secs(1), "took {:?}", before.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_custom_object_of_a_wrong_type_does_not_stop_the_others() {
    let cluster = Cluster::default();
    cluster.serve("traefik.io/v1alpha1", &["middlewares"]);
    cluster.put(&format!("{MIDDLEWARES}/bad"), json!({ "spec": { "addPrefix": 7 } }));
    cluster.put(&format!("{MIDDLEWARES}/good"), json!({ "spec": { "compress": {} } }));
    let watch = synced(&cluster, everything()).await;
    let read = |name| watch.view.custom::<MiddlewareSpec>(&key(name))[0].map(|object| object.spec.is_ok());
    assert_eq!((read("good"), read("bad")), (Some(true), Some(false)));
}

#[tokio::test(start_paused = true)]
async fn namespaces_limit_what_is_watched() {
    let cluster = Cluster::default();
    let other = INGRESSES.replace("default", "other");
    cluster.put(&format!("{INGRESSES}/a"), ingress("s"));
    cluster.put(&format!("{other}/b"), ingress("s"));
    cluster.put("/api/v1/namespaces/system/services/balancer", json!({ "spec": {} }));
    let scope = Scope { namespaces: vec!["default".into()], labels: String::new() };
    let plan = Plan { ingress: Some(scope), published: Some(ObjectKey::new("system", "balancer")), ..Plan::default() };
    let mut watch = synced(&cluster, plan).await;
    assert_eq!(watch.view.keys(Kind::Ingress), [key("a")]);
    assert!(watch.view.service(&ObjectKey::new("system", "balancer")).is_some());
    assert_eq!(cluster.requests("/apis/networking.k8s.io/v1/ingresses"), Vec::<String>::new());
    cluster.put(&format!("{INGRESSES}/c"), ingress("s"));
    until(&mut watch, |w| w.view.ingress(&key("c")).is_some()).await;
}

#[tokio::test(start_paused = true)]
async fn nodes_are_watched_once_a_service_needs_them() {
    let cluster = Cluster::default();
    cluster.put("/api/v1/nodes/n1", json!({ "status": { "addresses": [] } }));
    let service = "/api/v1/namespaces/default/services/web";
    cluster.put(service, json!({ "spec": { "type": "NodePort" } }));
    let mut watch = synced(&cluster, everything()).await;
    assert_eq!(cluster.requests("/nodes"), Vec::<String>::new());
    cluster.put(
        service,
        json!({
            "metadata": { "annotations": { "traefik.ingress.kubernetes.io/service.nodeportlb": "true" } },
            "spec": { "type": "NodePort" },
        }),
    );
    until(&mut watch, |w| w.view.nodes().len() == 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_not_there_yet_is_waited_for() {
    let cluster = Cluster::default();
    cluster.fail("/", 503);
    cluster.put(&format!("{INGRESSES}/a"), ingress("s"));
    let mut watch = start(&cluster, everything());
    let waiting = timeout(Duration::from_secs(120), until(&mut watch, Watch::is_synced));
    assert!(waiting.await.is_err());
    assert!(watch.missing().contains("Ingress, "), "{}", watch.missing());
    let tries = cluster.requests("/ingresses?").len();
    assert!((20..60).contains(&tries), "{tries} attempts in two minutes");
    cluster.heal();
    until(&mut watch, Watch::is_synced).await;
    assert!(watch.view.ingress(&key("a")).is_some());
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert!(!watch.outage.lasts());
}
