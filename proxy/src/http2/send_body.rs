//! Sends the body of a message on a stream, as fast as its reader takes it.

use bytes::Bytes;
use flow_middleware::body::BodyError;
use h2::{Reason, SendStream};
use http_body::Body;
use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll, ready};

/// The reason why a body was not sent to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// The body broke; the stream was reset.
    #[error("the body broke off")]
    Body(#[source] BodyError),
    /// The reader has reset the stream.
    #[error("the stream was reset: {0}")]
    Reset(Reason),
    /// The stream or its connection failed.
    #[error(transparent)]
    Stream(#[from] h2::Error),
    /// The stream takes no more data.
    #[error("the stream was closed")]
    Closed,
}

/// Sends `body` on `stream`. If the body breaks, so does the stream.
pub(crate) async fn send_body<B>(body: B, mut stream: SendStream<Bytes>) -> Result<(), SendError>
where
    B: Body<Data = Bytes, Error = BodyError>,
{
    let mut body = pin!(body);
    // A piece that waits for room.
    let mut waiting: Option<Bytes> = None;
    poll_fn(|cx| {
        loop {
            if let Poll::Ready(reason) = stream.poll_reset(cx) {
                return Poll::Ready(Err(SendError::Reset(reason?)));
            }
            if waiting.is_some() {
                ready!(poll_room(&mut stream, cx))?;
                let piece = waiting.take().unwrap_or_default();
                let ends = body.is_end_stream();
                stream.send_data(piece, ends)?;
                if ends {
                    return Poll::Ready(Ok(()));
                }
            }
            let frame = match ready!(body.as_mut().poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => {
                    stream.send_reset(reset_reason(&*error));
                    return Poll::Ready(Err(SendError::Body(error)));
                }
                None => return Poll::Ready(stream.send_data(Bytes::new(), true).map_err(Into::into)),
            };
            match frame.into_data() {
                Ok(piece) if piece.is_empty() => {}
                Ok(piece) => {
                    // A small claim: room that one stream claims is missing to the others, and `send_data` claims what
                    // the piece needs.
                    stream.reserve_capacity(1);
                    waiting = Some(piece);
                }
                Err(frame) => {
                    let Ok(trailers) = frame.into_trailers() else { continue };
                    stream.reserve_capacity(0);
                    return Poll::Ready(stream.send_trailers(trailers).map_err(Into::into));
                }
            }
        }
    })
    .await
}

fn poll_room(stream: &mut SendStream<Bytes>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
    while stream.capacity() == 0 {
        match ready!(stream.poll_capacity(cx)) {
            Some(room) => room?,
            None => return Poll::Ready(Err(SendError::Closed)),
        };
    }
    Poll::Ready(Ok(()))
}

/// The reason to reset a stream whose body broke: that of the stream that it came from, if there is one.
fn reset_reason(error: &(dyn std::error::Error + 'static)) -> Reason {
    std::iter::successors(Some(error), |error| error.source())
        .find_map(|error| error.downcast_ref::<h2::Error>()?.reason())
        .unwrap_or(Reason::INTERNAL_ERROR)
}
