//! One connection: accepts streams, and gives each a task.

use super::stream;
use super::{CONNECTION_WINDOW, STREAM_WINDOW};
use crate::serve::Handler;
use crate::serve::response::{Session, respond};
use bytes::Bytes;
use flow_middleware::body::{Pauses, StreamBody, UnreadBodies};
use flow_middleware::{Body, Interim, InterimQueue};
use h2::RecvStream;
use h2::server::{Connection, Handshake, SendResponse};
use http::Request;
use http::header::EXPECT;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite};

/// A client's connection; it is done when the connection is closed and all of its streams have ended.
pub(super) struct ServerConnection<S, H> {
    state: State<S>,
    session: Arc<Session<H>>,
    interim: Arc<InterimQueue>,
    unread: Arc<UnreadBodies>,
    /// True if it was asked to end during the handshake.
    ending: bool,
}

enum State<S> {
    Handshake(Handshake<S, Bytes>),
    Open(Connection<S, Bytes>),
}

impl<S, H> ServerConnection<S, H>
where
    S: AsyncRead + AsyncWrite + Unpin,
    H: Handler,
{
    pub(super) fn new(handshake: Handshake<S, Bytes>, session: Arc<Session<H>>) -> Self {
        let unread = Arc::new(UnreadBodies::new(CONNECTION_WINDOW / STREAM_WINDOW));
        Self { state: State::Handshake(handshake), session, interim: Arc::default(), unread, ending: false }
    }

    /// Ends it after the streams that are open, and tells the client (GOAWAY).
    pub(super) fn end(&mut self) {
        match &mut self.state {
            State::Handshake(_) => self.ending = true,
            State::Open(connection) => connection.graceful_shutdown(),
        }
    }

    /// Gives a request a task.
    fn accept(&self, request: Request<RecvStream>, reply: SendResponse<Bytes>) {
        let interim = Interim::new(&self.interim, reply.stream_id().as_u32());
        let (head, stream) = request.into_parts();
        let body = if stream.is_end_stream() {
            Body::Empty
        } else {
            let limit = self.session.client.entry.point.transport.read_timeout;
            let pauses = (!limit.is_zero()).then(|| Pauses::new(limit, &self.unread));
            let expecting = stream::expects_continue(head.headers.get(EXPECT)).then(|| interim.clone());
            Body::Stream(StreamBody::of_request(stream, &head.headers, pauses, expecting))
        };
        let request = Request::from_parts(head, body);
        // Boxed, as a task is moved several times on its way.
        let responding = Box::pin(respond(Arc::clone(&self.session), request, Some(interim.clone())));
        tokio::spawn(stream::serve(responding, interim, reply));
    }
}

impl<S, H> Future for ServerConnection<S, H>
where
    S: AsyncRead + AsyncWrite + Unpin,
    H: Handler,
{
    type Output = Result<(), h2::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            match &mut this.state {
                State::Handshake(handshake) => {
                    let mut connection = ready!(Pin::new(handshake).poll(cx))?;
                    if this.ending {
                        connection.graceful_shutdown();
                    }
                    this.state = State::Open(connection);
                }
                State::Open(connection) => match ready!(connection.poll_accept(cx)) {
                    Some(accepted) => {
                        let (request, reply) = accepted?;
                        this.accept(request, reply);
                    }
                    None => return Poll::Ready(Ok(())),
                },
            }
        }
    }
}
