//! Sends a request to a server of a service.

use super::balancer::{Balancer, Choice, OriginalUri};
use super::failover::Way;
use super::nested::Nested;
use super::{Kind, Service, UpstreamRecord};
use crate::forward::{ClientSide, ForwardError, UpstreamRequest, clean_response, prepare_request, send};
use crate::spans;
use flow_middleware::{Body, Exchange, RequestContext, ServeError, Spellings};
use flow_model::name::Name;
use http::header::{Entry, HeaderMap, SET_COOKIE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Body as _;
use smallvec::SmallVec;
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

/// The number of other endpoints tried if the chosen one is absent.
const MAX_FAILOVERS: usize = 3;

impl Service {
    /// Sends `exchange` to a server and returns its response in the form to be passed on.
    ///
    /// If a server cannot be connected to, another is tried; Traefik responds with 502 then.
    ///
    /// # Errors
    /// [`ForwardError`] if no response came.
    pub fn forward<'a>(
        &'a self,
        exchange: Exchange,
        context: &'a mut RequestContext<'_>,
        record: &'a mut UpstreamRecord,
    ) -> impl Future<Output = Result<Response<Body>, ServeError>> + Send + 'a {
        // Prepared outside of the future, which is smaller for it: it is moved with every request.
        let mut prepared = self.prepare(exchange, context, record);
        async move {
            let sent = match &mut prepared {
                Prepared::Request(request) => request.send(record).await,
                Prepared::Nested { nested, exchange, cookies } => {
                    let mut response = nested.serve(exchange.take(), context, record).await?;
                    put_first(response.headers_mut(), cookies.drain(..));
                    return Ok(response);
                }
                Prepared::NoServer => Err(ForwardError::NoServer),
            };
            sent.map_err(|error| {
                tracing::debug!(router = &**context.router, error = &error as &dyn std::error::Error, "no answer");
                error.into()
            })
        }
    }

    /// Chooses a server and rewrites the request for it.
    fn prepare(&self, exchange: Exchange, context: &RequestContext<'_>, record: &mut UpstreamRecord) -> Prepared<'_> {
        let mut cookies = SmallVec::new();
        let (name, balancer) = match self.leaf(&exchange, &mut cookies) {
            Leaf::Balancer(name, balancer) => (name, balancer),
            Leaf::Nested(nested) => {
                return Prepared::Nested { nested, exchange: Box::new(exchange), cookies };
            }
            Leaf::Nothing => return Prepared::NoServer,
        };
        record.service = Some(Name::clone(name));
        let Some(choice) = balancer.choose(&exchange.head.headers, &record.failed) else { return Prepared::NoServer };
        Prepared::Request(PreparedRequest::new(balancer, choice, cookies, exchange, context))
    }

    /// The part that gets a request, past weighted services, with the cookies that those set.
    pub(super) fn leaf<'a>(&'a self, exchange: &Exchange, cookies: &mut SmallVec<[HeaderValue; 1]>) -> Leaf<'a> {
        let mut service = self;
        loop {
            let child = match &service.kind {
                Kind::LoadBalancer(balancer) => return Leaf::Balancer(&service.name, balancer),
                Kind::Tracked(tracked) => return Leaf::Nested(Nested::Tracked(&service.name, tracked)),
                Kind::Weighted(weighted) => {
                    let Some((chosen, cookie)) = weighted.choose(&exchange.head.headers) else { return Leaf::Nothing };
                    cookies.extend(cookie);
                    chosen
                }
                Kind::WeightedByHealth(weighted) => {
                    let chosen = weighted.choose_up(&exchange.head.headers, Instant::now());
                    let Some((chosen, cookie)) = chosen else { return Leaf::Nothing };
                    cookies.extend(cookie);
                    chosen
                }
                Kind::HighestRandomWeight(hashed) => {
                    let chosen = hashed.choose(&exchange.connection.address, Instant::now());
                    let Some(chosen) = chosen else { return Leaf::Nothing };
                    chosen
                }
                Kind::Mirroring(mirroring) => {
                    let chosen = mirroring.choose();
                    if !chosen.is_empty() {
                        return Leaf::Nested(Nested::Mirroring(mirroring, chosen));
                    }
                    mirroring.main()
                }
                Kind::Failover(failover) => match failover.way(Instant::now()) {
                    Way::Through(child) => child,
                    Way::Watched => return Leaf::Nested(Nested::Failover(failover)),
                },
            };
            if let Some(pipeline) = child.pipeline() {
                return Leaf::Nested(Nested::Pipeline(pipeline));
            }
            service = child.service();
        }
    }
}

/// The part of a service that handles one request.
pub(super) enum Leaf<'a> {
    /// A load balancer, by the name of its service.
    Balancer(&'a Name, &'a Balancer),
    /// A part that runs another service as a whole.
    Nested(Nested<'a>),
    /// None of the services has weight.
    Nothing,
}

/// A request that is ready to be sent.
#[expect(clippy::large_enum_variant, reason = "the large one is the common one: a box would cost each request")]
enum Prepared<'a> {
    /// To a part that runs another service as a whole.
    Nested {
        nested: Nested<'a>,
        exchange: Box<Exchange>,
        /// The cookies of weighted services on the way.
        cookies: SmallVec<[HeaderValue; 1]>,
    },
    NoServer,
    Request(PreparedRequest<&'a Balancer>),
}

/// The way in which the servers of a request are chosen.
pub(super) trait Selection<'a> {
    /// The load balancer.
    fn balancer(&self) -> &'a Balancer;

    /// Another server than those tried.
    fn other(&mut self, tried: &[usize]) -> Option<Choice>;
}

impl<'a> Selection<'a> for &'a Balancer {
    fn balancer(&self) -> &'a Balancer {
        self
    }

    fn other(&mut self, tried: &[usize]) -> Option<Choice> {
        Balancer::other(self, tried)
    }
}

/// A request that is ready for its first server.
pub(super) struct PreparedRequest<S> {
    pub(super) selection: S,
    /// The server's index.
    chosen: usize,
    cookie: Option<HeaderValue>,
    /// The cookies of weighted services on the way.
    cookies: SmallVec<[HeaderValue; 1]>,
    upstream_request: UpstreamRequest,
    original: OriginalUri,
}

impl<'a, S: Selection<'a>> PreparedRequest<S> {
    /// `exchange` for the server in `choice`.
    #[inline]
    pub(super) fn new(
        selection: S,
        (chosen, cookie): Choice,
        cookies: SmallVec<[HeaderValue; 1]>,
        exchange: Exchange,
        context: &RequestContext<'_>,
    ) -> Self {
        let Exchange { mut head, body, connection, interim } = exchange;
        let version = head.version;
        let spellings = if head.extensions.is_empty() { None } else { head.extensions.remove::<Spellings>() };
        let upgrading = prepare_request(&mut head, &connection.address, context.forwarded_for);
        let client = ClientSide { connection, version, spellings, interim };
        let mut upstream_request = UpstreamRequest::new(Request::from_parts(head, body), upgrading, Some(client));
        let original = selection.balancer().rewrite_for(chosen, &mut upstream_request, None);
        Self { selection, chosen, cookie, cookies, upstream_request, original }
    }

    /// Sends it, and returns the response in the form to be passed on.
    pub(super) async fn send(&mut self, record: &mut UpstreamRecord) -> Result<Response<Body>, ForwardError> {
        let Self { selection, chosen, cookie, cookies, upstream_request, original } = self;
        let balancer = selection.balancer();
        let mut tried = SmallVec::<[usize; MAX_FAILOVERS + 1]>::new();
        // A middleware may have sent the request before.
        let before = record.attempts;
        let mut unconnected = 0;
        let mut response = loop {
            let endpoint = &balancer.endpoints()[*chosen];
            record.endpoint = Some(Arc::clone(endpoint));
            let sent = {
                let span = spans::attempt(endpoint.address(), before + unconnected + upstream_request.attempts + 1);
                let sending = pin!(send(endpoint, upstream_request));
                spans::within(&span, sending).await
            };
            record.attempts = before + upstream_request.attempts + unconnected;
            if sent.is_err() {
                record.failed.push(Arc::clone(endpoint));
            }
            match sent {
                Ok(response) => break response,
                Err(ForwardError::Connect { address, source }) => {
                    unconnected += 1;
                    record.attempts += 1;
                    tried.push(*chosen);
                    let may_other = source.is_absent() && tried.len() <= MAX_FAILOVERS;
                    let other = if may_other { selection.other(&tried) } else { None };
                    let Some((next, next_cookie)) = other else {
                        return Err(ForwardError::Connect { address, source });
                    };
                    tracing::debug!(%address, error = %source, "cannot connect: trying another server");
                    (*chosen, *cookie) = (next, next_cookie);
                    balancer.rewrite_for(*chosen, upstream_request, Some(original));
                }
                Err(error) => return Err(error),
            }
        };
        record.responded = Some(Instant::now());
        record.status = Some(response.status());
        record.tunnel = upstream_request.tunnel.take();
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            let (mut head, body) = response.into_parts();
            clean_response(&mut head);
            response = Response::from_parts(head, body);
        }
        put_first(response.headers_mut(), cookies.drain(..).chain(cookie.take()));
        record.bytes = response.body().size_hint().exact();
        record.headers = record.keep_headers.then(|| Box::new(response.headers().clone()));
        Ok(response)
    }
}

/// Puts the cookies of services before the backend's own, as Traefik does.
fn put_first(headers: &mut HeaderMap, cookies: impl Iterator<Item = HeaderValue>) {
    let mut cookies = cookies.peekable();
    if cookies.peek().is_none() {
        return;
    }
    let own: Vec<_> = match headers.entry(SET_COOKIE) {
        Entry::Occupied(own) => own.remove_entry_mult().1.collect(),
        Entry::Vacant(_) => Vec::new(),
    };
    for cookie in cookies.chain(own) {
        headers.append(SET_COOKIE, cookie);
    }
}
