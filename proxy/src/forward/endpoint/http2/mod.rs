//! HTTP/2 towards a backend, over the crate h2: a connection shared by a worker's requests.
//!
//! A task drives the connection; a request and its body are sent by the request itself. Only if a response comes before
//! the body was sent, a task of its own goes on sending, so that both directions are independent.

mod connection;
mod error;
mod exchange;
mod keep_alive;
mod request;
mod response_body;

pub(in crate::forward) use connection::{Http2, Stream as Http2Stream};
pub use error::Http2Error;
pub(in crate::forward) use exchange::{ExchangeError, exchange};
