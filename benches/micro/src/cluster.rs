//! Ingresses as an API server stores them, each with its Service and EndpointSlice.

use flow_controller::crd::Group;
use flow_controller::view::{Kind, Object, View};
use serde_json::{Value, json};

/// The namespace of all objects.
const NAMESPACE: &str = "many";

/// A cluster of `count` Ingresses; number N has the host `hN.many.test`.
///
/// # Panics
/// Never: the objects are valid.
#[must_use]
pub fn view(count: usize) -> View {
    let mut view = View::default();
    let all = |make: fn(usize) -> Object| (0..count).map(make).collect();
    view.replace(Kind::Service, None, all(service));
    view.replace(Kind::EndpointSlice, None, all(|number| endpoint_slice(number, "10.0.0.1", 80)));
    view.replace(Kind::Ingress, None, all(|number| ingress(number, "/")));
    view
}

/// A cluster of `count` IngressRoutes with two Middlewares each, of their own; number N has the host `hN.many.test`.
///
/// # Panics
/// Never: the objects are valid.
#[must_use]
pub fn view_of_routes(count: usize) -> View {
    routes(count, |number| number)
}

/// The same with the same two Middlewares for all.
///
/// # Panics
/// Never: the objects are valid.
#[must_use]
pub fn view_of_alike_routes(count: usize) -> View {
    routes(count, |_| 0)
}

/// IngressRoutes behind the Middlewares of the number that `middlewares` gives.
fn routes(count: usize, middlewares: fn(usize) -> usize) -> View {
    let mut view = View::default();
    let all = |make: fn(usize) -> Object| (0..count).map(make).collect();
    view.replace(Kind::Service, None, all(service));
    view.replace(Kind::EndpointSlice, None, all(|number| endpoint_slice(number, "10.0.0.1", 80)));
    let pairs = (0..count).filter(|number| middlewares(*number) == *number);
    let made = pairs.flat_map(|number| ["first", "second"].map(|name| middleware(name, number)));
    view.replace(Kind::Middleware(Group::TraefikIo), None, made.collect());
    let routes = (0..count).map(|number| ingress_route(number, middlewares(number)));
    view.replace(Kind::IngressRoute(Group::TraefikIo), None, routes.collect());
    view
}

/// IngressRoute `number`, behind two Middlewares of number `middlewares`.
#[must_use]
pub fn ingress_route(number: usize, middlewares: usize) -> Object {
    let rule = format!("Host(`h{number}.many.test`)");
    let services = json!([{"name": format!("s{number}"), "port": 80}]);
    let middlewares = json!([{"name": format!("first{middlewares}")}, {"name": format!("second{middlewares}")}]);
    let route = json!({"match": rule, "kind": "Rule", "services": services, "middlewares": middlewares});
    object("traefik.io/v1alpha1", "IngressRoute", &format!("i{number}"), json!({"spec": {"routes": [route]}}))
}

/// Middleware `number` of a name, which sets a header.
#[must_use]
pub fn middleware(name: &str, number: usize) -> Object {
    let headers = json!({"customRequestHeaders": {format!("X-{name}"): format!("team-{number}")}});
    object("traefik.io/v1alpha1", "Middleware", &format!("{name}{number}"), json!({"spec": {"headers": headers}}))
}

/// Ingress `number`, with this path.
#[must_use]
pub fn ingress(number: usize, path: &str) -> Object {
    let backend = json!({"service": {"name": format!("s{number}"), "port": {"number": 80}}});
    let paths = json!([{"path": path, "pathType": "Prefix", "backend": backend}]);
    let rules = json!([{"host": format!("h{number}.many.test"), "http": {"paths": paths}}]);
    object("networking.k8s.io/v1", "Ingress", &format!("i{number}"), json!({"spec": {"rules": rules}}))
}

/// Service `number`.
#[must_use]
pub fn service(number: usize) -> Object {
    let spec = json!({"clusterIP": "10.1.0.1", "type": "ClusterIP", "ports": [{"name": "web", "port": 80, "protocol": "TCP"}]});
    object("v1", "Service", &format!("s{number}"), json!({"spec": spec}))
}

/// The EndpointSlice of Service `number`, with one address.
#[must_use]
pub fn endpoint_slice(number: usize, address: &str, port: u16) -> Object {
    let body = json!({
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": true, "serving": true, "terminating": false}}],
        "ports": [{"name": "web", "port": port, "protocol": "TCP"}],
        "metadata": {"labels": {"kubernetes.io/service-name": format!("s{number}")}},
    });
    object("discovery.k8s.io/v1", "EndpointSlice", &format!("s{number}-1"), body)
}

#[expect(clippy::expect_used, reason = "what is written here is right")]
fn object(version: &str, kind: &str, name: &str, mut body: Value) -> Object {
    body["apiVersion"] = version.into();
    body["kind"] = kind.into();
    body["metadata"]["name"] = name.into();
    body["metadata"]["namespace"] = NAMESPACE.into();
    body["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z".into();
    Object::from_manifest(body).expect("a right object").expect("a kind that is read")
}
