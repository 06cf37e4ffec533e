//! The sources of configuration, Kubernetes and manifest folders, and their translation.
//!
//! ```text
//!   API server ──▶ watches ──┐                                                        ┌─▶ kubernetes
//!   folder ──▶ manifests ────┴─▶ view::View ──▶ translate::Translator ──▶ Source ─────┤
//!                                                    (pure, incremental)              └─▶ kubernetescrd
//!   once served ──▶ status of Ingresses ◀── lease (one replica writes)
//!   certificates ──▶ acme::planner::View, and back: cert-manager's objects are the state
//! ```
//!
//! From objects to the configuration that they mean:
//! ```
//! use flow_controller::translate::{IngressOptions, Options, Translator};
//! use flow_controller::view::{Object, View};
//! use serde_json::json;
//!
//! let mut view = View::default();
//! for manifest in [
//!     json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "shop", "namespace": "client-a"},
//!         "spec": {"clusterIP": "10.1.0.1", "ports": [{"name": "web", "port": 80}]}}),
//!     json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
//!         "metadata": {"name": "shop-1", "namespace": "client-a", "labels": {"kubernetes.io/service-name": "shop"}},
//!         "endpoints": [{"addresses": ["10.0.0.7"]}], "ports": [{"name": "web", "port": 8080}]}),
//!     json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
//!         "metadata": {"name": "shop", "namespace": "client-a"},
//!         "spec": {"rules": [{"host": "shop.test", "http": {"paths": [{"path": "/", "pathType": "Prefix",
//!             "backend": {"service": {"name": "shop", "port": {"number": 80}}}}]}}]}}),
//! ] {
//!     view.apply(Object::from_manifest(manifest)?.expect("a kind that is read"));
//! }
//! let options = Options { ingress: Some(IngressOptions::default()), crd: None };
//! let translated = Translator::new(options).translate(&mut view);
//! let (name, router) = translated.kubernetes.routers.iter().next().expect("a router");
//! assert_eq!(&**name, "client-a-shop-shop-test");
//! assert_eq!(router.rule, r#"Host("shop.test") && PathPrefix("/")"#);
//! # Ok::<(), flow_controller::view::InvalidObject>(())
//! ```
pub mod certificates;
pub mod crd;
pub mod lease;
mod manifests;
#[cfg(test)]
mod mock_api;
pub mod provider;
pub mod resolvers;
mod selector;
mod status;
pub mod translate;
mod unserved;
pub mod view;
mod watch;
