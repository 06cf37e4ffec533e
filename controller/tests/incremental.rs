//! The translation of a change equals a translation from nothing, and unchanged objects keep their `Arc`.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use flow_controller::translate::{CrdOptions, IngressOptions, Options, Translated, Translator};
use flow_controller::view::{Object, ObjectKey, Reference, View};
use flow_model::config::Objects;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use support::{shown, view};

fn options() -> Options {
    Options { ingress: Some(IngressOptions::default()), crd: Some(CrdOptions::default()) }
}

/// A small cluster with few names, so that objects collide, vanish and come back.
struct World {
    random: fastrand::Rng,
    objects: BTreeMap<String, Value>,
}

impl World {
    fn pick<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.random.usize(..all.len())]
    }

    fn ingress(&mut self) -> Value {
        let namespace = self.pick(&["a", "a-b"]);
        let name = self.pick(&["i", "b-i", "j"]);
        let mut annotations = json!({});
        match self.random.u8(..6) {
            0 => annotations["traefik.ingress.kubernetes.io/router.tls"] = "true".into(),
            1 => annotations["traefik.ingress.kubernetes.io/router.nonsense"] = "x".into(),
            _ => {}
        }
        let time = format!("2026-01-0{}T00:00:00Z", self.random.u8(1..4));
        let backend = |world: &mut Self| {
            let name = world.pick(&["s", "s-80", "b-s"]);
            let port = if world.random.bool() { json!({"number": 80}) } else { json!({"name": "80-http"}) };
            json!({"service": {"name": name, "port": port}})
        };
        let mut spec = json!({});
        if self.random.u8(..4) == 0 {
            spec["defaultBackend"] = backend(self);
        } else {
            let paths: Vec<_> = (0..self.random.usize(1..4))
                .map(|_| {
                    let path = self.pick(&["/", "/x", "/x/", "/y"]);
                    json!({"path": path, "pathType": "Prefix", "backend": backend(self)})
                })
                .collect();
            let host = self.pick(&["h", "h.x", "b-i-h"]);
            spec["rules"] = json!([{"host": host, "http": {"paths": paths}}]);
        }
        if self.random.bool() {
            spec["ingressClassName"] = self.pick(&["ours", "theirs"]).into();
        }
        if self.random.bool() {
            spec["tls"] = json!([{"secretName": self.pick(&["t", "u"])}]);
        }
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "spec": spec,
            "metadata": {"name": name, "namespace": namespace, "annotations": annotations, "creationTimestamp": time},
        })
    }

    fn service(&mut self) -> Value {
        let meta = json!({"name": self.pick(&["s", "s-80", "b-s"]), "namespace": self.pick(&["a", "a-b"])});
        let mut object = json!({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {
            "type": "NodePort", "ports": [{"name": "80-http", "port": 80, "nodePort": 30000}],
        }});
        if self.random.u8(..3) == 0 {
            object["metadata"]["annotations"] = json!({"traefik.ingress.kubernetes.io/service.nodeportlb": "true"});
        }
        object
    }

    fn slice(&mut self) -> Value {
        let service = self.pick(&["s", "s-80", "b-s"]);
        let name = self.pick(&["e", "f"]);
        let meta = json!({
            "name": name, "namespace": self.pick(&["a", "a-b"]), "labels": {"kubernetes.io/service-name": service},
        });
        let addresses: Vec<_> = (0..self.random.u8(..3)).map(|n| format!("10.0.0.{n}")).collect();
        let endpoints: Vec<_> = addresses.iter().map(|address| json!({"addresses": [address]})).collect();
        json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4", "metadata": meta,
            "ports": [{"name": "80-http", "port": 8080}], "endpoints": endpoints,
        })
    }

    fn other(&mut self) -> Value {
        let namespace = self.pick(&["a", "a-b"]);
        match self.random.u8(..5) {
            0 => {
                let data =
                    if self.random.bool() { json!({"tls.crt": "c", "tls.key": "k"}) } else { json!({"tls.crt": "c"}) };
                let meta = json!({"name": self.pick(&["t", "u"]), "namespace": namespace});
                json!({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": data})
            }
            1 => {
                let controller = self.pick(&["traefik.io/ingress-controller", "x"]);
                let meta = json!({"name": self.pick(&["ours", "theirs"])});
                let spec = json!({"controller": controller});
                json!({"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": meta, "spec": spec})
            }
            2 => {
                let addresses = json!([{"type": "InternalIP", "address": self.pick(&["10.1.0.1", "10.1.0.2"])}]);
                let meta = json!({"name": self.pick(&["n", "m"])});
                json!({"apiVersion": "v1", "kind": "Node", "metadata": meta, "status": {"addresses": addresses}})
            }
            3 => {
                let group = self.pick(&["traefik.io", "traefik.containo.us"]);
                let spec = match self.random.u8(..4) {
                    0 => json!({"basicAuth": {"secret": self.pick(&["t", "u"])}}),
                    1 => json!({"addPrefix": {"prefix": 1}}),
                    _ => json!({"addPrefix": {"prefix": self.pick(&["/a", "/b"])}}),
                };
                let meta = json!({"name": self.pick(&["m", "b-m"]), "namespace": namespace});
                json!({"apiVersion": format!("{group}/v1alpha1"), "kind": "Middleware", "metadata": meta, "spec": spec})
            }
            _ => {
                let (kind, spec) = if self.random.bool() {
                    ("TLSOption", json!({"clientAuth": {"secretNames": [self.pick(&["t", "u"])]}}))
                } else {
                    ("TLSStore", json!({"defaultCertificate": {"secretName": self.pick(&["t", "u"])}}))
                };
                let meta = json!({"name": self.pick(&["default", "x"]), "namespace": namespace});
                json!({"apiVersion": "traefik.io/v1alpha1", "kind": kind, "metadata": meta, "spec": spec})
            }
        }
    }

    /// A reference to a Service or a TraefikService, of few names and options.
    fn reference(&mut self) -> Value {
        if self.random.u8(..4) == 0 {
            return json!({"name": self.pick(&["r", "b-r", "s"]), "kind": "TraefikService"});
        }
        let mut reference = json!({"name": self.pick(&["s", "s-80", "b-s"]), "port": 80});
        match self.random.u8(..6) {
            0 => reference["nodePortLB"] = true.into(),
            1 => reference["strategy"] = "p2c".into(),
            2 => reference["scheme"] = self.pick(&["h2c", "ftp"]).into(),
            _ => {}
        }
        reference
    }

    fn route(&mut self) -> Value {
        let group = self.pick(&["traefik.io", "traefik.containo.us"]);
        let name = self.pick(&["r", "b-r", "s"]);
        let time = format!("2026-01-0{}T00:00:00Z", self.random.u8(1..4));
        let meta = json!({"name": name, "namespace": self.pick(&["a", "a-b"]), "creationTimestamp": time});
        let references: Vec<_> = (0..self.random.usize(..4)).map(|_| self.reference()).collect();
        let (kind, spec) = match self.random.u8(..4) {
            0 => ("TraefikService", json!({"weighted": {"services": references}})),
            1 => ("Middleware", json!({"errors": {"status": ["500"], "service": references.first()}})),
            _ => {
                let class = self.pick(&["", "traefik", "other"]);
                let (first, second) = (self.pick(&["Host(`h`)", "Host(`i`)"]), self.reference());
                let routes =
                    json!([{"match": first, "services": references}, {"match": "Host(`h`)", "services": [second]}]);
                let mut spec = json!({"routes": routes, "ingressClassName": class});
                if self.random.bool() {
                    spec["tls"] = json!({"secretName": self.pick(&["t", "u"])});
                }
                if self.random.u8(..3) == 0 {
                    spec["parentRefs"] = json!([{"name": self.pick(&["r", "b-r", "s"])}]);
                }
                ("IngressRoute", spec)
            }
        };
        json!({"apiVersion": format!("{group}/v1alpha1"), "kind": kind, "metadata": meta, "spec": spec})
    }

    fn object(&mut self) -> Value {
        match self.random.u8(..6) {
            0 => self.ingress(),
            1 => self.service(),
            2 => self.slice(),
            3 | 4 => self.route(),
            _ => self.other(),
        }
    }

    /// Changes the world and the view alike. Secrets that become wanted are fetched, as the watch does.
    fn change(&mut self, view: &mut View) {
        let manifest = self.object();
        let object = Object::from_manifest(manifest.clone()).unwrap().unwrap();
        let id = format!("{:?} {}", object.kind(), object.key());
        if self.random.u8(..3) == 0 {
            self.objects.remove(&id);
            view.delete(object.kind(), object.key());
        } else {
            self.objects.insert(id, manifest);
            view.apply(object);
        }
        for wanted in view.take_wanted() {
            let Reference::Secret(key) = wanted else { continue };
            if let Some(manifest) = self.objects.get(&format!("Secret {key}")) {
                view.apply(Object::from_manifest(manifest.clone()).unwrap().unwrap());
            }
        }
    }
}

fn check_arcs<T: PartialEq>(before: &Objects<T>, after: &Objects<T>) {
    for (name, new) in after {
        let same = before.get(name).is_none_or(|old| **old != **new || Arc::ptr_eq(old, new));
        assert!(same, "{name} did not change and is another object");
    }
}

fn check_identity(before: &Translated, after: &Translated) {
    for (before, after) in [(&before.kubernetes, &after.kubernetes), (&before.kubernetescrd, &after.kubernetescrd)] {
        check_arcs(&before.routers, &after.routers);
        check_arcs(&before.services, &after.services);
        check_arcs(&before.middlewares, &after.middlewares);
        check_arcs(&before.tls_options, &after.tls_options);
    }
}

#[test]
fn a_change_gives_what_a_fresh_start_would_give() {
    for seed in 0..16 {
        let mut world = World { random: fastrand::Rng::with_seed(seed), objects: BTreeMap::new() };
        let (mut seen, mut translator) = (View::default(), Translator::new(options()));
        let mut last = translator.translate(&mut seen);
        for step in 0..120 {
            for _ in 0..world.random.usize(1..4) {
                world.change(&mut seen);
            }
            let now = translator.translate(&mut seen);
            let mut fresh = Translator::new(options());
            let mut view = view(world.objects.values().cloned());
            let wanted = fresh.translate(&mut view);
            let at = format!("seed {seed} step {step}");
            assert_eq!(shown(&now.kubernetes), shown(&wanted.kubernetes), "{at}");
            assert_eq!(shown(&now.kubernetescrd), shown(&wanted.kubernetescrd), "{at}");
            assert_eq!(now.kubernetes.certificates, wanted.kubernetes.certificates, "{at}");
            assert_eq!(now.kubernetescrd.certificates, wanted.kubernetescrd.certificates, "{at}");
            let mut selected: Vec<&ObjectKey> = translator.selected().collect();
            let mut selected_fresh: Vec<&ObjectKey> = fresh.selected().collect();
            selected.sort();
            selected_fresh.sort();
            assert_eq!(selected, selected_fresh, "{at}");
            check_identity(&last, &now);
            last = now;
        }
    }
}

#[test]
fn nothing_changed_is_the_same_configuration() {
    let mut world = World { random: fastrand::Rng::with_seed(7), objects: BTreeMap::new() };
    let (mut view, mut translator) = (View::default(), Translator::new(options()));
    for _ in 0..100 {
        world.change(&mut view);
    }
    let before = translator.translate(&mut view);
    // A status is read only by the status writer, and routes nothing.
    let (id, ingress) = world.objects.iter_mut().find(|(id, _)| id.starts_with("Ingress ")).unwrap();
    ingress["status"] = json!({"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}});
    assert!(view.apply(Object::from_manifest(ingress.clone()).unwrap().unwrap()), "{id}");
    let after = translator.translate(&mut view);
    assert!(Arc::ptr_eq(&before.kubernetes, &after.kubernetes));
    assert!(Arc::ptr_eq(&before.kubernetescrd, &after.kubernetescrd));
}
