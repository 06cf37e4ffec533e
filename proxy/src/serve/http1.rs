use super::activity::ConnectionActivity;
use super::drive::{Ending, drive};
use super::response::{Session, respond};
use super::scanner::RequestScanner;
use super::server_io::{Heads, ServerIo};
use super::{Client, Handler};
use crate::listener::{ClientStream, OpenConnection};
use flow_middleware::{Body, Interim};
use http::{Request, Version};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// hyper's smallest buffer limit, in bytes.
const MIN_BUFFER: usize = 8192;

/// Serves HTTP/1.0 and 1.1.
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
    let interim = Arc::default();
    let session = Arc::new(Session { client, handler, activity: Arc::clone(&activity) });
    let max_header_bytes = entry.point.http.max_header_bytes;
    let io = ServerIo::new(
        io,
        Heads::Http1(RequestScanner::new(max_header_bytes)),
        Arc::clone(&activity),
        Some(Arc::clone(&interim)),
        open,
    );
    let connection = http1::Builder::new()
        .header_read_timeout(None)
        .max_buf_size(max_header_bytes.max(MIN_BUFFER))
        .max_header_size(max_header_bytes)
        .title_case_headers(true)
        .serve_connection(
            TokioIo::new(io),
            // Boxed, so that an idle connection holds no memory for it, and the next request anywhere finds it warm.
            service_fn(move |request: Request<Incoming>| {
                // HTTP/1.0 has no interim responses (RFC 9110 section 15.2).
                let interim = (request.version() != Version::HTTP_10).then(|| Interim::new(&interim, 0));
                Box::pin(respond(Arc::clone(&session), request.map(Body::Incoming), interim))
            }),
        )
        .with_upgrades();
    if let Err(error) =
        drive(connection, Ending::WithResponse, |c| c.graceful_shutdown(), &entry, closing, &activity).await
    {
        tracing::debug!(entry_point = &*entry.point.name, %error, "connection broken off");
    }
}
