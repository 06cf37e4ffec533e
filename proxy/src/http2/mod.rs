//! The parts of HTTP/2 messages that clients and backends have in common.

mod connection_fields;
mod send_body;

pub(crate) use connection_fields::remove_connection_fields;
pub(crate) use send_body::{SendError, send_body};
