//! HTTP/2 over the crate h2: a connection, whose streams are a task each.
//!
//! hyper's server would do the same, but passes no interim responses.

mod connection;
mod date;
mod stream;

use super::activity::ConnectionActivity;
use super::drive::{Ending, drive};
use super::fields::Fields;
use super::response::Session;
use super::server_io::{Heads, ServerIo};
use super::write_coalescer::WriteCoalescer;
use super::{Client, Handler};
use crate::listener::{ClientStream, OpenConnection};
use connection::ServerConnection;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Receive windows of one stream and of a connection, in bytes. Small windows slow down uploads over long distances;
/// with equal ones a single stream that is not read would stall the others.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 2 << 20;
/// Maximum number of bytes that wait to be sent on one stream.
const MAX_SEND_BUFFER: usize = 400 * 1024;

/// Serves HTTP/2, after ALPN or by prior knowledge.
pub(super) async fn serve<H, S>(
    io: S,
    client: Arc<Client>,
    handler: Arc<H>,
    open: OpenConnection,
    closing: &CancellationToken,
) where
    H: Handler,
    S: ClientStream,
{
    let entry = Arc::clone(&client.entry);
    let activity = Arc::new(ConnectionActivity::default());
    let session = Arc::new(Session { client, handler, activity: Arc::clone(&activity) });
    let (http, http2) = (&entry.point.http, &entry.point.http2);
    let io = ServerIo::new(io, Heads::Http2(Fields::new()), Arc::clone(&activity), None, open);
    let handshake = h2::server::Builder::new()
        .max_concurrent_streams(http2.max_concurrent_streams)
        .header_table_size(http2.max_decoder_header_table_size)
        .max_header_list_size(u32::try_from(http.max_header_bytes).unwrap_or(u32::MAX))
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(MAX_SEND_BUFFER)
        .handshake(WriteCoalescer::new(io, Arc::clone(&activity)));
    let connection = ServerConnection::new(handshake, session);
    if let Err(error) = drive(connection, Ending::Announced, |c| c.get_mut().end(), &entry, closing, &activity).await {
        tracing::debug!(entry_point = &*entry.point.name, %error, "connection broken off");
    }
}
