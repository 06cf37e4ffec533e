//! The middlewares, a file or folder each, and the chain that runs them around one exchange.
//!
//! A middleware has two phases: `on_request` may change the request's head or respond at once; `on_response` may
//! change the response, also that of a later middleware. The chain runs the first phase in order and the second
//! in reverse over the middlewares that were passed.

mod address;
mod around;
pub mod basic_auth;
pub mod body;
pub mod chain;
mod compile;
pub mod compress;
mod context;
mod error;
pub mod exchange;
pub mod fetch;
mod flow;
pub mod forward_auth;
pub mod headers;
mod interim;
pub mod ip_allow_list;
mod middleware;
mod middleware_error;
mod path;
mod pattern;
pub mod rate_limit;
pub mod redirect;
mod replay;
pub mod response;
pub mod rewrite;
mod source;
#[cfg(test)]
mod testing;
mod vary;

pub use around::{Around, Next, Service};
pub use body::Body;
pub use chain::{Chain, Cut, EarlyResponse, Passed};
pub use compile::{Resolve, compile};
pub use context::RequestContext;
pub use error::{FailureKind, ServeError};
pub use exchange::{Connection, Exchange, ForwardedFor, OmitForwardedFor, TlsSession};
pub use fetch::{Fetch, FetchError};
pub use interim::{Interim, title_case};
pub use middleware::Middleware;
pub use middleware_error::MiddlewareError;
pub use path::WrittenQuery;
pub use replay::Replay;
