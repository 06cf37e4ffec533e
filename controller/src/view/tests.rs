#![allow(clippy::unwrap_used, reason = "tests")]
use super::*;
use crate::crd::MiddlewareSpec;
use serde_json::json;

fn object(manifest: serde_json::Value) -> Object {
    Object::from_manifest(manifest).unwrap().unwrap()
}

fn ingress(secret: &str) -> Object {
    object(json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "i", "namespace": "n"},
        "spec": {"tls": [{"secretName": secret}, {"hosts": ["a"]}]},
    }))
}

fn secret(name: &str) -> Object {
    object(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "n"},
        "data": {"tls.crt": "YQ=="}, "stringData": {"tls.key": "b"},
    }))
}

fn slice(name: &str, service: &str, time: &str) -> Object {
    object(json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": name, "creationTimestamp": time, "labels": {"kubernetes.io/service-name": service}},
        "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"terminating": true}}],
    }))
}

#[test]
fn the_same_object_again_is_no_change() {
    let mut view = View::default();
    assert!(view.apply(ingress("s")));
    assert!(view.take_dirty().ingresses.contains(&ObjectKey::new("n", "i")));
    assert!(!view.apply(ingress("s")));
    assert!(view.take_dirty().is_empty());
    assert!(view.delete(Kind::Ingress, &ObjectKey::new("n", "i")));
    assert!(!view.delete(Kind::Ingress, &ObjectKey::new("n", "i")));
    assert_eq!(view.ingresses().len(), 0);
}

#[test]
fn only_secrets_that_are_named_are_held() {
    let mut view = View::default();
    let key = ObjectKey::new("n", "s");
    assert!(!view.apply(secret("s")), "nobody names it yet");
    view.apply(ingress("s"));
    assert_eq!(view.take_wanted(), [Reference::Secret(key.clone())]);
    assert!(view.take_wanted().is_empty());
    assert!(view.apply(secret("s")));
    assert_eq!(&*view.secret(&key).unwrap().data["tls.key"], b"b");
    assert!(!view.apply(secret("other")));
    view.apply(ingress("other"));
    assert!(view.secret(&key).is_none(), "nobody names it any longer");
    assert_eq!(view.wanted().collect::<Vec<_>>(), [&Reference::Secret(ObjectKey::new("n", "other"))]);
    assert!(view.take_dirty().secrets.contains(&key));
}

#[test]
fn slices_are_found_by_service_in_order_of_age() {
    let mut view = View::default();
    view.apply(slice("b", "s", "2026-01-02T00:00:00Z"));
    view.apply(slice("c", "s", "2026-01-01T00:00:00Z"));
    view.apply(slice("a", "s", "2026-01-02T00:00:00Z"));
    let names = |view: &View, service| {
        let slices = view.endpoint_slices(&ObjectKey::new("default", service));
        slices.iter().map(|slice| slice.key.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(&view, "s"), ["c", "a", "b"]);
    view.take_dirty();
    view.apply(slice("a", "t", "2026-01-02T00:00:00Z"));
    assert_eq!((names(&view, "s").len(), names(&view, "t").len()), (2, 1));
    assert_eq!(view.take_dirty().services.len(), 2, "the old Service and the new one");
    view.delete(Kind::EndpointSlice, &ObjectKey::new("default", "a"));
    assert!(names(&view, "t").is_empty());
    assert!(view.take_dirty().services.contains(&ObjectKey::new("default", "t")));
}

#[test]
fn a_new_list_replaces_what_was_known_of_its_namespace() {
    let mut view = View::default();
    for namespace in ["a", "b"] {
        for name in ["x", "y"] {
            let meta = json!({"name": name, "namespace": namespace});
            view.apply(object(json!({"apiVersion": "v1", "kind": "Service", "metadata": meta})));
        }
    }
    let meta = json!({"name": "z", "namespace": "a"});
    let list = vec![object(json!({"apiVersion": "v1", "kind": "Service", "metadata": meta}))];
    assert!(view.replace(Kind::Service, Some("a"), list));
    let mut keys: Vec<_> = view.keys(Kind::Service).iter().map(ToString::to_string).collect();
    keys.sort();
    assert_eq!(keys, ["a/z", "b/x", "b/y"]);
}

#[test]
fn a_custom_resource_with_a_wrong_field_is_kept_with_its_error() {
    let read = |spec| {
        object(
            json!({"apiVersion": "traefik.io/v1alpha1", "kind": "Middleware", "metadata": {"name": "m"}, "spec": spec}),
        )
    };
    let Object::Middleware(bad) = read(json!({"rateLimit": {"average": "many"}})) else { panic!() };
    assert!(bad.spec.unwrap_err().starts_with("spec.rateLimit.average: invalid type: string \"many\""));
    let Object::Middleware(good) = read(json!({"headers": null, "addPrefix": {"prefix": "/a"}})) else { panic!() };
    assert_eq!(good.spec.unwrap().kinds(), ["addPrefix"]);
}

#[test]
fn of_two_groups_the_newer_is_preferred() {
    let mut view = View::default();
    let key = ObjectKey::new("default", "m");
    for group in ["traefik.containo.us", "traefik.io"] {
        view.apply(object(json!({
            "apiVersion": format!("{group}/v1alpha1"), "kind": "Middleware", "metadata": {"name": "m"},
        })));
    }
    let groups = |view: &View| view.custom::<MiddlewareSpec>(&key).map(|found| found.map(|object| object.group));
    assert_eq!(groups(&view), [Some(Group::TraefikIo), Some(Group::TraefikContainoUs)]);
    view.delete(Kind::Middleware(Group::TraefikIo), &key);
    assert_eq!(groups(&view), [Some(Group::TraefikContainoUs), None]);
    assert_eq!(view.keys(Kind::Middleware(Group::TraefikContainoUs)).len(), 1);
    assert!(view.keys(Kind::Middleware(Group::TraefikIo)).is_empty());
}

#[test]
fn manifests_of_other_kinds_are_passed_over_and_broken_ones_refused() {
    let read = |manifest| Object::from_manifest(manifest);
    assert!(matches!(read(json!({"apiVersion": "apps/v1", "kind": "Deployment"})), Ok(None)));
    assert!(matches!(read(json!({"apiVersion": "traefik.io/v1alpha1", "kind": "IngressRouteTCP"})), Ok(None)));
    assert!(read(json!({"kind": "Ingress"})).is_err());
    let nameless = read(json!({"apiVersion": "v1", "kind": "Service", "metadata": {}})).unwrap_err();
    assert_eq!(nameless.to_string(), "metadata.name is missing");
    let wrong = read(json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [{"port": "http"}]},
    }));
    assert!(wrong.unwrap_err().to_string().starts_with("Service s: spec.ports[0].port: "));
}
