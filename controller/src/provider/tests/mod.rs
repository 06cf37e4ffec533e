#![allow(clippy::unwrap_used, reason = "tests")]

mod certificates;

use super::kubernetes::with_client;
use super::*;
use crate::lease;
use crate::mock_api::Cluster;
use crate::translate::{IngressEndpoint, IngressOptions};
use flow_model::config::Config;
use flow_model::name::{KUBERNETES, KUBERNETES_CRD};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

const INGRESSES: &str = "/apis/networking.k8s.io/v1/namespaces/default/ingresses";
const SERVICES: &str = "/api/v1/namespaces/default/services";
const SLICES: &str = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
const MIDDLEWARES: &str = "/apis/traefik.io/v1alpha1/namespaces/default/middlewares";

fn options() -> KubernetesOptions {
    KubernetesOptions {
        connection: Connection::default(),
        ingress: Some(IngressProvider::default()),
        crd: Some(CrdProvider::default()),
        certificates: None,
        resolvers: None,
        lease: lease::Options {
            namespace: "default".into(),
            name: "flow-proxy".into(),
            identity: "a".into(),
            timing: lease::Timing::default(),
        },
    }
}

fn ingress(host: &str, middlewares: &str) -> Value {
    json!({
        "metadata": { "annotations": { "traefik.ingress.kubernetes.io/router.middlewares": middlewares } },
        "spec": { "rules": [{ "host": host, "http": { "paths": [{
            "path": "/", "pathType": "Prefix",
            "backend": { "service": { "name": "web", "port": { "number": 80 } } },
        }] } }] },
    })
}

fn cluster() -> Cluster {
    let cluster = Cluster::default();
    cluster.serve("traefik.io/v1alpha1", &["middlewares"]);
    cluster.put(&format!("{SERVICES}/web"), json!({ "spec": { "ports": [{ "name": "http", "port": 80 }] } }));
    cluster.put(
        &format!("{SLICES}/web-1"),
        json!({
            "metadata": { "labels": { "kubernetes.io/service-name": "web" } },
            "addressType": "IPv4",
            "ports": [{ "name": "http", "port": 8080 }],
            "endpoints": [{ "addresses": ["10.0.0.1"] }],
        }),
    );
    cluster.put(&format!("{INGRESSES}/a"), ingress("a.test", ""));
    cluster
}

/// The configuration of one provider.
fn config<'a>(update: &'a Update, provider: &str) -> &'a Arc<Config> {
    &update.sources.iter().find(|source| &*source.provider == provider).unwrap().config
}

async fn next(provider: &mut Provider) -> Update {
    timeout(Duration::from_secs(60), provider.next()).await.unwrap().unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_first_update_is_complete_and_the_next_only_what_changed() {
    let cluster = cluster();
    let stop = CancellationToken::new();
    let mut kubernetes = with_client(cluster.client(), options(), stop.clone());
    let first = next(&mut kubernetes.provider).await;
    assert_eq!((config(&first, KUBERNETES).routers.len(), config(&first, KUBERNETES).services.len()), (1, 1));
    assert!(first.diagnostics.is_empty());
    kubernetes.provider.applied(first.version);

    cluster.put(&format!("{INGRESSES}/b"), ingress("b.test", ""));
    let second = next(&mut kubernetes.provider).await;
    assert_eq!(config(&second, KUBERNETES).routers.len(), 2);
    let kept = |update: &Update| Arc::clone(config(update, KUBERNETES).routers.get("default-a-a-test").unwrap());
    assert!(Arc::ptr_eq(&kept(&first), &kept(&second)), "what did not change keeps its identity");
    assert!(Arc::ptr_eq(config(&first, KUBERNETES_CRD), config(&second, KUBERNETES_CRD)));
    kubernetes.provider.applied(second.version);

    // A change without effect here is not reported.
    cluster.put(&format!("{SERVICES}/unused"), json!({ "metadata": { "labels": { "x": "y" } }, "spec": {} }));
    assert!(timeout(Duration::from_secs(30), kubernetes.provider.next()).await.is_err());

    stop.cancel();
    kubernetes.ended().await;
}

#[tokio::test(start_paused = true)]
async fn a_middleware_and_its_secret_come_together() {
    let cluster = cluster();
    let mut kubernetes = with_client(cluster.client(), options(), CancellationToken::new());
    let first = next(&mut kubernetes.provider).await;
    kubernetes.provider.applied(first.version);
    cluster.put("/api/v1/namespaces/default/secrets/users", json!({ "stringData": { "users": "u:{SHA}x" } }));
    cluster.put(&format!("{MIDDLEWARES}/auth"), json!({ "spec": { "basicAuth": { "secret": "users" } } }));
    let second = next(&mut kubernetes.provider).await;
    assert_eq!(config(&second, KUBERNETES_CRD).diagnostics, [], "it was told without its Secret");
    assert!(config(&second, KUBERNETES_CRD).middlewares.contains_key("default-auth"));
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_cannot_be_fetched_does_not_hold_up_the_rest() {
    let cluster = cluster();
    let mut kubernetes = with_client(cluster.client(), options(), CancellationToken::new());
    let first = next(&mut kubernetes.provider).await;
    kubernetes.provider.applied(first.version);
    cluster.fail("/secrets", 500);
    cluster.put(&format!("{MIDDLEWARES}/auth"), json!({ "spec": { "basicAuth": { "secret": "users" } } }));
    cluster.put(&format!("{INGRESSES}/b"), ingress("b.test", ""));
    let second = timeout(Duration::from_secs(1), kubernetes.provider.next()).await.unwrap().unwrap();
    assert_eq!(config(&second, KUBERNETES).routers.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_storm_is_gathered() {
    let cluster = cluster();
    let mut kubernetes = with_client(cluster.client(), options(), CancellationToken::new());
    let mut version = next(&mut kubernetes.provider).await.version;
    kubernetes.provider.applied(version);
    let first = version;
    for index in 0..500 {
        cluster.put(&format!("{INGRESSES}/n{index}"), ingress(&format!("n{index}.test"), ""));
        if index % 10 == 0 {
            sleep(Duration::from_millis(1)).await;
        }
    }
    let mut routers = 0;
    while routers < 501 {
        let update = next(&mut kubernetes.provider).await;
        routers = config(&update, KUBERNETES).routers.len();
        version = update.version;
        kubernetes.provider.applied(version);
    }
    assert!(version - first <= 50, "{} updates", version - first);
}

#[tokio::test(start_paused = true)]
async fn kinds_that_may_not_be_read_are_diagnostics() {
    let cluster = cluster();
    cluster.fail("ingressclasses", 403);
    let mut kubernetes = with_client(cluster.client(), options(), CancellationToken::new());
    let first = next(&mut kubernetes.provider).await;
    assert_eq!(config(&first, KUBERNETES).routers.len(), 1);
    assert_eq!(first.diagnostics.iter().map(|d| d.subject.kind).collect::<Vec<_>>(), ["IngressClass"]);
}

#[tokio::test(start_paused = true)]
async fn the_leader_tells_addresses_of_what_is_served() {
    let cluster = cluster();
    let endpoint = IngressEndpoint { ip: "192.0.2.7".into(), ..IngressEndpoint::default() };
    let ingress_options = IngressOptions { ingress_endpoint: endpoint, ..IngressOptions::default() };
    let mut options = options();
    options.ingress = Some(IngressProvider { options: ingress_options, ..IngressProvider::default() });
    let mut kubernetes = with_client(cluster.client(), options, CancellationToken::new());
    let ip = |name: &str| {
        let object = cluster.object(&format!("{INGRESSES}/{name}")).unwrap();
        object.pointer("/status/loadBalancer/ingress/0/ip").and_then(Value::as_str).map(str::to_owned)
    };
    let first = next(&mut kubernetes.provider).await;
    sleep(Duration::from_secs(5)).await;
    assert_eq!(ip("a"), None, "told before it was served");
    kubernetes.provider.applied(first.version);
    sleep(Duration::from_secs(5)).await;
    assert_eq!(ip("a").as_deref(), Some("192.0.2.7"));

    cluster.put(&format!("{INGRESSES}/b"), ingress("b.test", ""));
    let second = next(&mut kubernetes.provider).await;
    kubernetes.provider.applied(second.version);
    sleep(Duration::from_secs(5)).await;
    assert_eq!(ip("b").as_deref(), Some("192.0.2.7"));
    assert_eq!(cluster.requests("PATCH").len(), 2, "{:?}", cluster.requests("PATCH"));
}

/// Updates until one satisfies `holds`.
async fn until(provider: &mut Provider, holds: impl Fn(&Update) -> bool) -> Update {
    loop {
        let update = next(provider).await;
        provider.applied(update.version);
        if holds(&update) {
            return update;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn objects_of_kinds_that_are_not_served_are_told_one_by_one() {
    const ROUTES: &str = "/apis/traefik.io/v1alpha1/namespaces/default/ingressroutetcps";
    let cluster = cluster();
    cluster.serve("traefik.io/v1alpha1", &["middlewares", "ingressroutetcps"]);
    cluster.put(&format!("{ROUTES}/mine"), json!({ "spec": {} }));
    let elsewhere = json!({ "metadata": { "annotations": { "kubernetes.io/ingress.class": "other" } } });
    cluster.put(&format!("{ROUTES}/elsewhere"), elsewhere);
    let mut kubernetes = with_client(cluster.client(), options(), CancellationToken::new());
    let update = until(&mut kubernetes.provider, |update| !update.diagnostics.is_empty()).await;
    let names: Vec<_> = update.diagnostics.iter().map(|d| (d.subject.kind, &*d.subject.name)).collect();
    assert_eq!(names, [("IngressRouteTCP", "mine")], "that of another class is another's");
    assert!(update.diagnostics[0].message.contains("not served: only HTTP is proxied"), "{:?}", update.diagnostics);

    cluster.delete(&format!("{ROUTES}/mine"));
    until(&mut kubernetes.provider, |update| update.diagnostics.is_empty()).await;
    cluster.fail("ingressroutetcps", 403);
    let update = until(&mut kubernetes.provider, |update| !update.diagnostics.is_empty()).await;
    assert!(update.diagnostics[0].message.contains("ingressroutetcps.traefik.io"), "{:?}", update.diagnostics);
}

#[tokio::test(start_paused = true)]
async fn routes_of_the_gateway_api_are_told_unless_another_controller_has_a_class() {
    const GATEWAY: &str = "/apis/gateway.networking.k8s.io/v1";
    let cluster = cluster();
    cluster.serve("gateway.networking.k8s.io/v1", &["gatewayclasses", "httproutes"]);
    cluster.put(&format!("{GATEWAY}/namespaces/default/httproutes/r"), json!({}));
    let class = |controller: &str| json!({ "spec": { "controllerName": controller } });
    cluster.put(&format!("{GATEWAY}/gatewayclasses/traefik"), class("traefik.io/gateway-controller"));
    let mut kubernetes = with_client(cluster.client(), options(), CancellationToken::new());
    let kinds = |update: &Update| update.diagnostics.iter().map(|d| d.subject.kind).collect::<Vec<_>>();
    until(&mut kubernetes.provider, |update| kinds(update) == ["GatewayClass", "HTTPRoute"]).await;
    cluster.put(&format!("{GATEWAY}/gatewayclasses/istio"), class("istio.io/gateway-controller"));
    until(&mut kubernetes.provider, |update| kinds(update) == ["GatewayClass"]).await;
}

#[tokio::test(start_paused = true)]
async fn the_leader_tells_findings_by_events_once() {
    let cluster = cluster();
    let mut open = ingress("open.test", "");
    open["metadata"]["annotations"]["nginx.ingress.kubernetes.io/auth-url"] = json!("https://login.test");
    open["metadata"]["uid"] = json!("u-1");
    cluster.put(&format!("{INGRESSES}/open"), open.clone());
    let mut kubernetes = with_client(cluster.client(), options(), CancellationToken::new());
    let first = next(&mut kubernetes.provider).await;
    assert_eq!(config(&first, KUBERNETES).diagnostics.len(), 1, "{:?}", config(&first, KUBERNETES).diagnostics);
    kubernetes.provider.applied(first.version);
    sleep(Duration::from_secs(30)).await;
    let written = || cluster.requests("POST /apis/events.k8s.io/v1/namespaces/default/events").len();
    assert_eq!(written(), 1);
    let event = cluster.objects("/apis/events.k8s.io/v1/events").remove(0);
    assert_eq!(event["regarding"]["name"], "open");
    assert_eq!((&event["regarding"]["kind"], &event["type"]), (&json!("Ingress"), &json!("Warning")));
    assert_eq!(event["reason"], "ServedDifferently");
    assert!(event["note"].as_str().unwrap().contains("auth-url"), "{event}");
    // A change that keeps the finding, then one that ends it and one that brings it back.
    cluster.put(&format!("{INGRESSES}/b"), ingress("b.test", ""));
    let second = next(&mut kubernetes.provider).await;
    kubernetes.provider.applied(second.version);
    sleep(Duration::from_secs(30)).await;
    assert_eq!(written(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_unusable_address_is_said() {
    let cluster = cluster();
    let endpoint = IngressEndpoint { published_service: "kube-system/lb".into(), ..IngressEndpoint::default() };
    let ingress_options = IngressOptions { ingress_endpoint: endpoint, ..IngressOptions::default() };
    let mut options = options();
    options.ingress = Some(IngressProvider { options: ingress_options, ..IngressProvider::default() });
    let mut kubernetes = with_client(cluster.client(), options, CancellationToken::new());
    let first = next(&mut kubernetes.provider).await;
    assert!(first.diagnostics[0].message.contains("kube-system/lb"), "{:?}", first.diagnostics);
    kubernetes.provider.applied(first.version);
    cluster.put("/api/v1/namespaces/kube-system/services/lb", json!({
        "spec": { "type": "LoadBalancer" }, "status": { "loadBalancer": { "ingress": [{ "hostname": "lb.test" }] } },
    }));
    let second = next(&mut kubernetes.provider).await;
    assert!(second.diagnostics.is_empty(), "{:?}", second.diagnostics);
    kubernetes.provider.applied(second.version);
    sleep(Duration::from_secs(5)).await;
    let object = cluster.object(&format!("{INGRESSES}/a")).unwrap();
    assert_eq!(object.pointer("/status/loadBalancer/ingress/0/hostname").unwrap(), "lb.test");
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_its_token() {
    let stop = CancellationToken::new();
    let mut kubernetes = with_client(cluster().client(), options(), stop.clone());
    next(&mut kubernetes.provider).await;
    stop.cancel();
    assert!(timeout(Duration::from_secs(5), kubernetes.provider.next()).await.unwrap().is_none());
    kubernetes.ended().await;
}

#[tokio::test]
async fn a_folder_is_a_provider_too() {
    let folder = tempfile::tempdir().unwrap();
    let write = |host: &str| {
        let text = format!(
            "kind: Service\napiVersion: v1\nmetadata: {{name: web}}\nspec: {{type: ExternalName, externalName: 127.0.0.1, ports: [{{port: 80}}]}}\n---\n{}",
            json!({
                "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
                "metadata": { "name": "a", "namespace": "default" }, "spec": ingress(host, "")["spec"],
            })
        );
        std::fs::write(folder.path().join("a.yaml"), text).unwrap();
    };
    write("a.test");
    let stop = CancellationToken::new();
    let options = ManifestsOptions {
        directory: folder.path().to_owned(),
        watch: true,
        ingress: IngressOptions { allow_external_name_services: true, ..IngressOptions::default() },
        ..ManifestsOptions::default()
    };
    let mut provider = manifests(options, Issuing::Off, stop.clone());
    let first = next(&mut provider).await;
    assert!(config(&first, KUBERNETES).routers.contains_key("default-a-a-test"), "{first:?}");
    assert!(config(&first, KUBERNETES).services.contains_key("default-web-80"));
    write("b.test");
    let second = next(&mut provider).await;
    assert!(config(&second, KUBERNETES).routers.contains_key("default-a-b-test"));
    stop.cancel();
    assert!(timeout(Duration::from_secs(5), provider.next()).await.unwrap().is_none());
}
