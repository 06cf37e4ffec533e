//! Routes and certificates of one cluster: they share the watches of the kinds that both need.

use super::*;
use crate::certificates::{ClusterStore, Ports};
use flow_acme::objects::Key;
use flow_acme::planner;
use flow_acme::store::{Replicas, Store as _};

const CLASSES: &str = "/apis/networking.k8s.io/v1/ingressclasses";

fn issuing() -> crate::certificates::Options {
    crate::certificates::Options {
        namespaces: Vec::new(),
        settings: planner::Settings::default(),
        defer_to_cert_manager: true,
        classes: true,
        service: Some(("default".into(), "web".into())),
        ports: Ports { http: vec![("http".into(), 8080)], https: Vec::new() },
        identity: "a".into(),
    }
}

fn both() -> KubernetesOptions {
    KubernetesOptions { certificates: Some(issuing()), ..options() }
}

/// An Ingress that routes, and asks for a certificate.
fn asking(host: &str) -> Value {
    let mut ingress = ingress(host, "");
    ingress["metadata"]["annotations"]["cert-manager.io/cluster-issuer"] = json!("le");
    ingress["spec"]["tls"] = json!([{ "hosts": [host], "secretName": "tls" }]);
    ingress
}

/// Waits until certificates see the cluster as wanted.
async fn seen(store: &ClusterStore, wanted: impl Fn(&planner::View) -> bool) {
    let mut changes = store.changes();
    let seen = async {
        while !wanted(&store.view()) {
            changes.changed().await.unwrap();
        }
    };
    timeout(Duration::from_secs(300), seen).await.expect("the certificates' view did not become what was wanted");
}

/// The number of watches of a kind that were begun.
fn watches(cluster: &Cluster, kind: &str) -> usize {
    let requests = cluster.requests(&format!("/{kind}?"));
    requests.iter().filter(|request| request.contains("watch=true")).count()
}

#[tokio::test(start_paused = true)]
async fn each_kind_is_watched_once_and_both_see_its_changes() {
    let cluster = cluster();
    cluster.put(&format!("{CLASSES}/traefik"), json!({ "spec": { "controller": "traefik.io/ingress-controller" } }));
    cluster.put(&format!("{INGRESSES}/a"), asking("a.test"));
    let mut kubernetes = with_client(cluster.client(), both(), CancellationToken::new());
    let store = kubernetes.certificates.clone().unwrap();
    until(&mut kubernetes.provider, |update| config(update, KUBERNETES).routers.len() == 1).await;
    seen(&store, |view| view.ingresses.len() == 1 && view.classes.contains("traefik")).await;
    let replicas = || async { store.replicas().await.unwrap() };
    let Replicas::All(all) = replicas().await else { panic!() };
    assert_eq!(all.iter().map(|replica| replica.http.to_string()).collect::<Vec<_>>(), ["10.0.0.1:8080"]);

    cluster.put(&format!("{INGRESSES}/b"), asking("b.test"));
    until(&mut kubernetes.provider, |update| config(update, KUBERNETES).routers.len() == 2).await;
    seen(&store, |view| view.ingresses.contains_key(&Key::new("default", "b"))).await;

    // Slices of other Services are no replicas.
    for (name, service, ip) in [("web-1", "web", "10.0.0.9"), ("other-1", "other", "10.0.0.2")] {
        cluster.put(
            &format!("{SLICES}/{name}"),
            json!({
                "metadata": { "labels": { "kubernetes.io/service-name": service } },
                "addressType": "IPv4",
                "ports": [{ "name": "http", "port": 8080 }],
                "endpoints": [{ "addresses": [ip] }],
            }),
        );
    }
    until(&mut kubernetes.provider, |update| format!("{:?}", config(update, KUBERNETES).services).contains("10.0.0.9"))
        .await;
    let Replicas::All(all) = replicas().await else { panic!() };
    assert_eq!(all.iter().map(|replica| replica.http.to_string()).collect::<Vec<_>>(), ["10.0.0.9:8080"]);

    cluster.delete(&format!("{INGRESSES}/a"));
    until(&mut kubernetes.provider, |update| config(update, KUBERNETES).routers.len() == 1).await;
    seen(&store, |view| view.ingresses.len() == 1).await;
    for kind in ["ingresses", "ingressclasses", "endpointslices"] {
        assert_eq!(watches(&cluster, kind), 1, "{kind}: {:?}", cluster.requests(kind));
    }
}

#[tokio::test(start_paused = true)]
async fn certificates_are_asked_for_by_ingresses_that_routes_do_not_select() {
    let cluster = cluster();
    cluster.put(&format!("{INGRESSES}/a"), asking("a.test"));
    let labelled = |value: &str| {
        let mut ingress = asking("b.test");
        ingress["metadata"]["labels"] = json!({ "team": value });
        ingress
    };
    cluster.put(&format!("{INGRESSES}/b"), labelled("a"));
    let mut options = both();
    options.ingress = Some(IngressProvider { label_selector: "team in (a)".into(), ..IngressProvider::default() });
    let mut kubernetes = with_client(cluster.client(), options, CancellationToken::new());
    let store = kubernetes.certificates.clone().unwrap();
    let hosts = |update: &Update| {
        let routers = &config(update, KUBERNETES).routers;
        ["a", "b"].map(|name| routers.contains_key(format!("default-{name}-{name}-test").as_str()))
    };
    until(&mut kubernetes.provider, |update| hosts(update) == [false, true]).await;
    seen(&store, |view| view.ingresses.len() == 2).await;
    assert_eq!(watches(&cluster, "ingresses"), 1);
    // It is not selected any longer.
    cluster.put(&format!("{INGRESSES}/b"), labelled("b"));
    until(&mut kubernetes.provider, |update| hosts(update) == [false, false]).await;
    assert_eq!(store.view().ingresses.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_only_one_of_them_needs_is_not_watched_for_the_other() {
    let cluster = cluster();
    let mut kubernetes = with_client(cluster.client(), options(), CancellationToken::new());
    next(&mut kubernetes.provider).await;
    assert!(kubernetes.certificates.is_none());
    assert_eq!(cluster.requests("cert-manager.io"), Vec::<String>::new());

    let cluster = super::cluster();
    let only = KubernetesOptions { ingress: None, ..both() };
    let mut kubernetes = with_client(cluster.client(), only, CancellationToken::new());
    next(&mut kubernetes.provider).await;
    let store = kubernetes.certificates.clone().unwrap();
    cluster.put(&format!("{INGRESSES}/b"), asking("b.test"));
    seen(&store, |view| view.ingresses.len() == 1).await;
    assert_eq!((watches(&cluster, "ingresses"), watches(&cluster, "endpointslices")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn in_namespaces_each_has_one_watch_and_the_published_service_its_own() {
    let cluster = cluster();
    cluster.put(&format!("{INGRESSES}/a"), asking("a.test"));
    let elsewhere = SLICES.replace("default", "system");
    cluster.put(&format!("{elsewhere}/lb-1"), json!({
        "metadata": { "labels": { "kubernetes.io/service-name": "lb" } },
        "addressType": "IPv4", "ports": [{ "name": "http", "port": 8080 }], "endpoints": [{ "addresses": ["10.0.0.7"] }],
    }));
    let mut options = both();
    let namespaces = vec!["default".to_owned(), "web".to_owned()];
    options.ingress = Some(IngressProvider { namespaces: namespaces.clone(), ..IngressProvider::default() });
    options.crd = None;
    let service = Some(("system".to_owned(), "lb".to_owned()));
    options.certificates = Some(crate::certificates::Options { namespaces, service, ..issuing() });
    let mut kubernetes = with_client(cluster.client(), options, CancellationToken::new());
    let store = kubernetes.certificates.clone().unwrap();
    until(&mut kubernetes.provider, |update| config(update, KUBERNETES).routers.len() == 1).await;
    seen(&store, |view| view.ingresses.len() == 1).await;
    let Replicas::All(all) = store.replicas().await.unwrap() else { panic!() };
    assert_eq!(all.iter().map(|replica| replica.http.to_string()).collect::<Vec<_>>(), ["10.0.0.7:8080"]);
    assert_eq!((watches(&cluster, "ingresses"), watches(&cluster, "endpointslices")), (2, 3));
    let [own] = &cluster.requests("namespaces/system/endpointslices?")[..] else { panic!() };
    assert!(own.contains("labelSelector=kubernetes.io%2Fservice-name%3Dlb"), "{own}");
    assert_eq!(cluster.requests("/apis/networking.k8s.io/v1/ingresses"), Vec::<String>::new());
}

const SECRETS: &str = "/api/v1/namespaces/default/secrets";
const CERTIFICATES: &str = "/apis/cert-manager.io/v1/namespaces/default/certificates";

/// A key pair's Secret with this certificate, which need not be one.
fn secret(certificate: &str) -> Value {
    json!({ "type": "kubernetes.io/tls", "data": { "tls.crt": base64(certificate), "tls.key": base64("key") } })
}

fn base64(text: &str) -> String {
    use ::base64::Engine as _;
    ::base64::engine::general_purpose::STANDARD.encode(text)
}

fn certificate(secret: &str) -> Value {
    json!({ "spec": { "secretName": secret, "dnsNames": ["a.test"], "issuerRef": { "name": "le", "kind": "ClusterIssuer" } } })
}

/// The certificate in a Secret, as certificates see it.
fn content(view: &planner::View, name: &str) -> Option<String> {
    let secret = view.secrets.get(&Key::new("default", name))?;
    Some(String::from_utf8(secret.entry("tls.crt")?.to_vec()).unwrap())
}

/// The certificate that is served.
fn served(update: &Update) -> Option<String> {
    let certificate = config(update, KUBERNETES).certificates.first()?;
    Some(String::from_utf8(certificate.chain.clone()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_both_name_is_watched_once_and_both_see_it() {
    let cluster = cluster();
    for index in 0..50 {
        cluster.put(&format!("{SECRETS}/other-{index}"), secret("x"));
    }
    cluster.put(&format!("{INGRESSES}/a"), asking("a.test"));
    cluster.put(&format!("{CERTIFICATES}/a"), certificate("tls"));
    let mut kubernetes = with_client(cluster.client(), both(), CancellationToken::new());
    let store = kubernetes.certificates.clone().unwrap();
    until(&mut kubernetes.provider, |update| served(update).is_none()).await;
    seen(&store, |view| view.certificates.len() == 1).await;
    assert_eq!(store.view().secrets.len(), 0, "what is not named is not kept");

    for text in ["first", "second"] {
        cluster.put(&format!("{SECRETS}/tls"), secret(text));
        until(&mut kubernetes.provider, |update| served(update).as_deref() == Some(text)).await;
        seen(&store, |view| content(view, "tls").as_deref() == Some(text)).await;
    }
    cluster.delete(&format!("{SECRETS}/tls"));
    until(&mut kubernetes.provider, |update| served(update).is_none()).await;
    seen(&store, |view| view.secrets.is_empty()).await;
    // One that is labelled needs no name, as long as it has the label.
    let mut next = secret("next");
    next["metadata"]["labels"]["cert-manager.io/next-private-key"] = json!("true");
    cluster.put(&format!("{SECRETS}/next"), next);
    seen(&store, |view| content(view, "next").as_deref() == Some("next")).await;
    cluster.put(&format!("{SECRETS}/next"), secret("next"));
    seen(&store, |view| view.secrets.is_empty()).await;
    assert_eq!(watches(&cluster, "secrets"), 1, "{:?}", cluster.requests("secrets"));
    let read = cluster.requests("GET /api/v1/namespaces/default/secrets/");
    assert!(read.iter().all(|request| !request.contains("other")), "{read:?}");
}

#[tokio::test(start_paused = true)]
async fn a_certificate_is_not_shown_before_its_secret() {
    let cluster = cluster();
    cluster.put(&format!("{SECRETS}/tls"), secret("1"));
    let kubernetes = with_client(cluster.client(), both(), CancellationToken::new());
    let store = kubernetes.certificates.clone().unwrap();
    seen(&store, |_| *store.known().borrow()).await;
    let mut changes = store.changes();
    cluster.put(&format!("{CERTIFICATES}/a"), certificate("tls"));
    loop {
        changes.changed().await.unwrap();
        let view = store.view();
        if !view.certificates.is_empty() {
            assert_eq!(content(&view, "tls").as_deref(), Some("1"));
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn secrets_that_may_only_be_read_by_name_are_read_at_intervals() {
    let cluster = cluster();
    // Neither lists nor watches of any; single ones may be read.
    cluster.fail("/secrets?", 403);
    cluster.put(&format!("{SECRETS}/tls"), secret("1"));
    cluster.put(&format!("{CERTIFICATES}/a"), certificate("tls"));
    let kubernetes = with_client(cluster.client(), both(), CancellationToken::new());
    let store = kubernetes.certificates.clone().unwrap();
    seen(&store, |view| content(view, "tls").as_deref() == Some("1")).await;
    cluster.put(&format!("{SECRETS}/tls"), secret("2"));
    seen(&store, |view| content(view, "tls").as_deref() == Some("2")).await;
    // A Certificate whose Secret cannot be read is not shown until it can be.
    cluster.fail("/secrets/tls", 403);
    seen(&store, |view| view.certificates.is_empty()).await;
    cluster.heal();
    seen(&store, |view| view.certificates.len() == 1).await;
    assert_eq!(content(&store.view(), "tls").as_deref(), Some("2"));
}

#[tokio::test(start_paused = true)]
async fn secrets_that_come_and_go_while_unnamed_are_not_missed() {
    let cluster = cluster();
    let kubernetes = with_client(cluster.client(), both(), CancellationToken::new());
    let store = kubernetes.certificates.clone().unwrap();
    for index in 0..3 {
        let text = index.to_string();
        cluster.put(&format!("{SECRETS}/tls"), secret(&text));
        cluster.put(&format!("{CERTIFICATES}/a"), certificate("tls"));
        seen(&store, |view| content(view, "tls").as_deref() == Some(&*text)).await;
        cluster.delete(&format!("{CERTIFICATES}/a"));
        seen(&store, |view| view.certificates.is_empty()).await;
        seen(&store, |view| view.secrets.is_empty()).await;
    }
    cluster.fail("/secrets", 500);
    cluster.put(&format!("{SECRETS}/tls"), secret("x"));
    cluster.put(&format!("{CERTIFICATES}/a"), certificate("tls"));
    seen(&store, |view| view.certificates.is_empty()).await;
    cluster.heal();
    seen(&store, |view| content(view, "tls").as_deref() == Some("x")).await;
}

#[tokio::test(start_paused = true)]
async fn the_published_service_is_watched_alone_while_all_are_forbidden() {
    let cluster = cluster();
    cluster.fail("GET /apis/discovery.k8s.io/v1/endpointslices", 403);
    let mut kubernetes = with_client(cluster.client(), both(), CancellationToken::new());
    let store = kubernetes.certificates.clone().unwrap();
    until(&mut kubernetes.provider, |update| update.diagnostics.iter().any(|d| d.subject.kind == "EndpointSlice"))
        .await;
    seen(&store, |_| *store.known().borrow()).await;
    let ready = || async {
        let Replicas::All(all) = store.replicas().await.unwrap() else { panic!() };
        all.iter().map(|replica| replica.http.ip().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(ready().await, ["10.0.0.1"]);
    let slice = |ip: &str| {
        json!({
            "metadata": { "labels": { "kubernetes.io/service-name": "web" } },
            "addressType": "IPv4",
            "ports": [{ "name": "http", "port": 8080 }],
            "endpoints": [{ "addresses": [ip] }],
        })
    };
    cluster.put(&format!("{SLICES}/web-1"), slice("10.0.0.8"));
    while ready().await != ["10.0.0.8"] {
        sleep(Duration::from_millis(100)).await;
    }
    cluster.heal();
    until(&mut kubernetes.provider, |update| format!("{:?}", config(update, KUBERNETES).services).contains("10.0.0.8"))
        .await;
    cluster.put(&format!("{SLICES}/web-1"), slice("10.0.0.9"));
    until(&mut kubernetes.provider, |update| format!("{:?}", config(update, KUBERNETES).services).contains("10.0.0.9"))
        .await;
    assert_eq!(ready().await, ["10.0.0.9"]);
}
