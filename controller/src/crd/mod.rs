//! Custom resources as Rust types, and the definitions generated from them (`deploy/crds`): Traefik's, and those of
//! cert-manager, whose types are `flow_acme::objects`.

pub mod cert_manager;
mod custom_kinds;
mod definition;
mod fields;
mod group;
pub mod ingress_route;
pub mod middleware;
pub mod servers_transport;
pub mod service;
mod spec;
pub mod tls_option;
pub mod tls_store;
pub mod traefik_service;

pub use custom_kinds::{all, yaml};
pub(crate) use custom_kinds::{custom_kinds, custom_names};
pub(crate) use fields::of_manifest;
pub(crate) use fields::of_spec;
pub use group::{Group, VERSION};
pub use ingress_route::IngressRouteSpec;
pub use middleware::MiddlewareSpec;
pub use servers_transport::ServersTransportSpec;
pub use spec::{Named, Spec};
pub use tls_option::TlsOptionSpec;
pub use tls_store::TlsStoreSpec;
pub use traefik_service::TraefikServiceSpec;
