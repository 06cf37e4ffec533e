//! One stream: a request's response, and the interim ones before it.

use super::date;
use crate::http2::{SendError, remove_connection_fields, send_body};
use crate::serve::activity::InFlight;
use crate::serve::response::Refused;
use bytes::Bytes;
use flow_middleware::Interim;
use flow_middleware::body::Holding;
use h2::Reason;
use h2::server::SendResponse;
use http::header::{CONTENT_LENGTH, DATE};
use http::{HeaderValue, Response};
use http_body::Body as _;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// Maximum number of interim responses to one request: what a client does not read waits in memory.
const MAX_INTERIM: usize = 32;

type Responding<F> = Pin<Box<F>>;

/// Serves one stream to its end. The response is given up when the client resets the stream.
pub(super) async fn serve<F>(mut responding: Responding<F>, interim: Interim, mut reply: SendResponse<Bytes>)
where
    F: Future<Output = Result<Response<Holding<InFlight>>, Refused>>,
{
    let mut sent = 0;
    let response = poll_fn(|cx| {
        let polled = responding.as_mut().poll(cx);
        if interim.is_waiting() {
            send_interim(&interim, &mut sent, &mut reply);
        }
        if let Poll::Ready(response) = polled {
            return Poll::Ready(Some(response));
        }
        reply.poll_reset(cx).map(|_| None)
    })
    .await;
    drop(responding);
    match response {
        Some(Ok(response)) => {
            if let Err(error) = send(response, &mut reply).await {
                tracing::debug!(%error, "a stream ended early");
            }
        }
        Some(Err(refused)) => {
            tracing::debug!(%refused);
            reply.send_reset(Reason::REFUSED_STREAM);
        }
        None => {}
    }
    if interim.is_waiting() {
        // Those that came too late.
        drop(interim.take());
    }
}

fn send_interim(interim: &Interim, sent: &mut usize, reply: &mut SendResponse<Bytes>) {
    for response in interim.take() {
        *sent += 1;
        if *sent > MAX_INTERIM {
            return;
        }
        if let Err(error) = reply.send_informational(response) {
            tracing::debug!(%error, "an interim response was not sent");
        }
    }
}

async fn send(response: Response<Holding<InFlight>>, reply: &mut SendResponse<Bytes>) -> Result<(), SendError> {
    let (mut head, body) = response.into_parts();
    remove_connection_fields(&mut head.headers);
    head.headers.entry(DATE).or_insert_with(date::now);
    let ends = body.is_end_stream();
    if !ends && let Some(length) = body.size_hint().exact() {
        head.headers.entry(CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(length));
    }
    match reply.send_response(Response::from_parts(head, ()), ends) {
        Ok(_) if ends => Ok(()),
        Ok(stream) => send_body(body, stream).await,
        Err(error) => {
            reply.send_reset(Reason::INTERNAL_ERROR);
            Err(error.into())
        }
    }
}

/// True if a client with this `Expect` may send its body only once it is told to (RFC 9110 section 10.1.1).
pub(super) fn expects_continue(expected: Option<&HeaderValue>) -> bool {
    expected.is_some_and(|expected| expected.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}
