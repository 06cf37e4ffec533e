//! The middlewares, a file or folder each, and the chain that runs them around one exchange.
//!
//! ```text
//!   specification ──compile──▶ Middleware ──┐
//!   specification ──compile──▶ Middleware ──┴─▶ Chain
//!
//!   request  ──▶ on_request ──▶ on_request ──▶ service
//!   response ◀── on_response ◀── on_response ◀──┘        a middleware may respond itself: those before it see that
//! ```
//!
//! A middleware has two phases: `on_request` may change the request's head or respond at once; `on_response` may
//! change the response, also that of a later middleware. The chain runs the first phase in order and the second
//! in reverse over the middlewares that were passed. One that has to run what follows it as a whole, to see its error or
//! to send the request again, is an [`Around`]; the data plane cuts the chain there.
//!
//! From a specification, as a Middleware object has it, to a response:
//! ```
//! use flow_middleware::{Body, Chain, Connection, Exchange, ForwardedFor, MiddlewareError, RequestContext, Resolve};
//! use flow_middleware::{Fetch, FetchError, Middleware, Service, compile};
//! use std::{ops::ControlFlow, sync::Arc};
//!
//! struct NoMembers; // of a `chain`
//! impl Resolve for NoMembers {
//!     fn middleware(&mut self, name: &flow_model::name::Name) -> Result<Arc<Middleware>, MiddlewareError> {
//!         Err(MiddlewareError::Invalid(format!("no middleware {name}")))
//!     }
//!     fn service(&mut self, name: &flow_model::name::Name) -> Result<Arc<dyn Service>, MiddlewareError> {
//!         Err(MiddlewareError::Invalid(format!("no service {name}")))
//!     }
//! }
//! # struct NoFetch;
//! # #[async_trait::async_trait]
//! # impl Fetch for NoFetch {
//! #     async fn fetch(&self, _: http::Request<Body>, _: Option<&Arc<flow_model::middleware::ClientTls>>,
//! #         _: std::time::Duration) -> Result<http::Response<Body>, FetchError> { unreachable!() }
//! # }
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//!
//! let specification = serde_json::json!({"redirectScheme": {"scheme": "https", "permanent": true}});
//! let middleware = compile(&serde_json::from_value(specification)?, &"secure@file".into(), &mut NoMembers)?;
//! let chain = Chain::new([Arc::new(middleware)]);
//!
//! let (head, ()) = http::Request::get("/cart").header("host", "shop.test").body(())?.into_parts();
//! let connection = Connection::new("192.0.2.1:4711".parse()?, "192.0.2.2:80".parse()?, None, "web".into());
//! let mut exchange = Exchange { head, body: Body::Empty, connection: Arc::new(connection), interim: None };
//! let (router, mut user) = ("cart@file".into(), None);
//! let mut context = RequestContext::new(&router, &NoFetch, ForwardedFor::Append, &mut user);
//! let ControlFlow::Break(early) = chain.on_request(&mut exchange, &mut context).await else { panic!("let through") };
//! let response = chain.on_response(early.passed, early.response).await;
//! assert_eq!(response.status().as_u16(), 301);
//! assert_eq!(response.headers()["location"], "https://shop.test/cart");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

mod address;
mod around;
pub mod basic_auth;
mod beginning;
pub mod body;
pub mod buffering;
pub mod chain;
pub mod circuit_breaker;
mod compile;
pub mod compress;
pub mod content_type;
mod context;
pub mod digest_auth;
pub mod encoded_characters;
mod error;
pub mod error_page;
pub mod exchange;
mod expression;
pub mod fetch;
mod flow;
pub mod forward_auth;
pub mod grpc_web;
pub mod headers;
pub mod in_flight;
mod interim;
pub mod ip_allow_list;
mod login;
mod middleware;
mod middleware_error;
pub mod pass_tls_client_cert;
mod path;
mod pattern;
mod query;
pub mod rate_limit;
pub mod redirect;
mod replay;
pub mod response;
pub mod retry;
pub mod rewrite;
mod sniff;
mod source;
mod spelling;
mod status;
#[cfg(test)]
mod testing;
mod vary;

pub use around::{Around, Next, Service};
pub use body::Body;
pub use chain::{Chain, Cut, EarlyResponse, Passed};
pub use compile::{Resolve, compile};
pub use context::RequestContext;
pub use error::{FailureKind, ServeError, ServeFailure, status_of};
pub use exchange::{Connection, Exchange, ForwardedFor, OmitForwardedFor, TlsSession};
pub use fetch::{Fetch, FetchError};
pub use interim::{Interim, InterimQueue, title_case, write_interim};
pub use middleware::Middleware;
pub use middleware_error::MiddlewareError;
pub use path::WrittenQuery;
pub use replay::Replay;
pub use spelling::Spellings;
pub use status::Statuses;
