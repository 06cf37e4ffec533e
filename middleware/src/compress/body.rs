//! A body that is compressed as it streams through.

use super::encoder::Encoder;
use crate::Body;
use crate::beginning::FLUSH_INTERVAL;
use crate::body::BodyError;
use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::time::Sleep;

/// Output is passed on in chunks of about this size, in bytes.
const CHUNK_SIZE: usize = 16 * 1024;
/// The most input in bytes that is read before the worker turns to other tasks.
const MAX_INPUT: usize = 256 * 1024;

/// The compressed form of a body.
pub(super) struct CompressedBody {
    inner: Body,
    /// Already taken from `inner`.
    first: Option<Bytes>,
    /// `None` once all input was read.
    encoder: Option<Encoder>,
    output: Vec<u8>,
    trailers: Option<HeaderMap>,
    /// True if the encoder may hold something back.
    holds: bool,
    /// True if every pause flushes the encoder, false if only one of [`FLUSH_INTERVAL`] does.
    prompt: bool,
    pause: Option<Pin<Box<Sleep>>>,
}

impl CompressedBody {
    /// Compresses `first` and then `inner`.
    pub(super) fn new(inner: Body, first: Option<Bytes>, encoder: Encoder, prompt: bool) -> Self {
        Self {
            inner,
            first,
            encoder: Some(encoder),
            output: Vec::new(),
            trailers: None,
            holds: false,
            prompt,
            pause: None,
        }
    }
}

impl http_body::Body for CompressedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let mut taken = 0;
        loop {
            let Some(encoder) = &mut this.encoder else {
                return Poll::Ready(match std::mem::take(&mut this.output) {
                    output if !output.is_empty() => Some(Ok(Frame::data(Bytes::from(output)))),
                    _ => this.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))),
                });
            };
            let data = match this.first.take() {
                Some(first) => Some(first),
                None if taken < MAX_INPUT => match Pin::new(&mut this.inner).poll_frame(cx)? {
                    Poll::Pending => None,
                    Poll::Ready(Some(frame)) => match frame.into_data() {
                        Ok(data) => Some(data),
                        Err(frame) => {
                            this.trailers = frame.into_trailers().ok();
                            continue;
                        }
                    },
                    Poll::Ready(None) => {
                        if let Some(encoder) = this.encoder.take() {
                            encoder.finish(&mut this.output)?;
                        }
                        continue;
                    }
                },
                None => {
                    // The input does not end: its output is flushed, and other tasks get their turn.
                    encoder.flush(&mut this.output)?;
                    this.holds = false;
                    return Poll::Ready(Some(Ok(Frame::data(Bytes::from(std::mem::take(&mut this.output))))));
                }
            };
            if let Some(data) = data {
                taken += data.len();
                encoder.write(&data, &mut this.output)?;
                this.holds = true;
                this.pause = None;
                if this.output.len() >= CHUNK_SIZE {
                    return Poll::Ready(Some(Ok(Frame::data(Bytes::from(std::mem::take(&mut this.output))))));
                }
                continue;
            }
            if !this.holds {
                return Poll::Pending;
            }
            if !this.prompt {
                let pause = this.pause.get_or_insert_with(|| Box::pin(tokio::time::sleep(FLUSH_INTERVAL)));
                ready!(pause.as_mut().poll(cx));
                this.pause = None;
            }
            encoder.flush(&mut this.output)?;
            this.holds = false;
            if !this.output.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(Bytes::from(std::mem::take(&mut this.output))))));
            }
            return Poll::Pending;
        }
    }

    fn is_end_stream(&self) -> bool {
        self.encoder.is_none() && self.output.is_empty() && self.trailers.is_none()
    }
}
