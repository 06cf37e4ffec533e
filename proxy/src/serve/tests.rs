#![allow(clippy::unwrap_used, reason = "tests")]

mod drain;
mod http1;
mod http2;
mod http2_streams;
mod malformed;
