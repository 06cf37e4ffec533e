use super::activity::ConnectionActivity;
use super::drive::{Ending, drive};
use super::fields::Fields;
use super::response::{Session, respond};
use super::server_io::{Heads, ServerIo};
use super::write_coalescer::WriteCoalescer;
use super::{Client, Handler};
use crate::listener::{ClientStream, OpenConnection};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Receive windows of one stream and of a connection, in bytes. Small windows slow down uploads over long distances;
/// with equal ones a single stream that is not read would stall the others.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 2 << 20;

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
    let connection = http2::Builder::new(TokioExecutor::new())
        .max_concurrent_streams(http2.max_concurrent_streams)
        .header_table_size(http2.max_decoder_header_table_size)
        .max_header_list_size(u32::try_from(http.max_header_bytes).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .serve_connection(
            TokioIo::new(WriteCoalescer::new(io, Arc::clone(&activity))),
            // Boxed, as hyper moves the future several times on its way to a task.
            service_fn(move |request| Box::pin(respond(Arc::clone(&session), request))),
        );
    if let Err(error) =
        drive(connection, Ending::Announced, |c| c.graceful_shutdown(), &entry, closing, &activity).await
    {
        tracing::debug!(entry_point = &*entry.point.name, %error, "connection broken off");
    }
}
