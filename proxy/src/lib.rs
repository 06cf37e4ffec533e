//! The data plane: listeners, TLS, routing, balancing, forwarding. It does not know Kubernetes.
//!
//! ```text
//!   worker ─▶ listener ─▶ tls ─▶ serve ─▶ handler ─▶ router ─▶ service::Pipeline ─▶ service ─▶ forward ─▶ backend
//!                          ▲                ▲                   (middlewares)
//!                          └── snapshot ────┘   one value, swapped as a whole
//!                                 ▲
//!   Source, Source, … ──▶ compile ┘
//! ```
//!
//! The path of a request: [`worker`] → [`listener`] → [`tls`] → [`serve`] → [`handler`] → [`router`] → middlewares →
//! [`service`] → [`forward`]. The path of a configuration: [`compile`] → [`snapshot`].
//!
//! From rules to the route of a request:
//! ```
//! use flow_model::config::{PathOrder, RuleSyntax};
//! use flow_model::rule::Rule;
//! use proxy::router::{CompiledRule, RequestView, Route, RouteTable};
//! use std::sync::Arc;
//!
//! let route = |name: &str, text: &str| {
//!     let rule = Rule::parse(text, RuleSyntax::V3).expect("a rule");
//!     Arc::new(Route {
//!         rule: CompiledRule::compile(&rule).expect("a rule"),
//!         priority: text.len() as i64, // Traefik's default
//!         precedence: 0,
//!         path: PathOrder::default(),
//!         created: 0,
//!         name: name.into(),
//!         target: format!("backend of {name}"),
//!     })
//! };
//! let routes = [route("shop", "Host(`shop.test`)"), route("cart", "Host(`shop.test`) && PathPrefix(`/cart`)")];
//! let table = RouteTable::default().with(&[], &routes);
//!
//! let headers = http::HeaderMap::new();
//! let client = "192.0.2.1".parse().expect("an address");
//! let request = RequestView::new("shop.test:80", "/cart/1", None, "GET", &headers, client);
//! assert_eq!(table.find(&request).expect("a route").target, "backend of cart");
//! ```

pub mod access_log;
pub mod compile;
mod connection_fields;
pub mod forward;
#[cfg(feature = "fuzzing")]
pub mod fuzz;
pub mod handler;
mod http2;
pub mod listener;
pub mod metrics;
pub mod request;
mod respond;
pub mod router;
pub mod serve;
pub mod service;
mod small_write;
pub mod snapshot;
mod spans;
pub mod tls;
pub mod worker;
