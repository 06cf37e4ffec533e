//! A request on its way to a server whose state is known.

use super::Tracked;
use super::server::InFlight;
use crate::service::UpstreamRecord;
use crate::service::balancer::{Balancer, Choice};
use crate::service::send::{PreparedRequest, Selection};
use flow_middleware::body::Holding;
use flow_middleware::{Body, Exchange, FailureKind, RequestContext, ServeError};
use flow_model::config::Strategy;
use flow_model::name::Name;
use http::{HeaderValue, Response};
use smallvec::SmallVec;
use std::time::Instant;

/// A request for which a server was chosen.
pub(in crate::service) struct Attempt<'a> {
    tracked: &'a Tracked,
    /// The client's address as text.
    client: HeaderValue,
    /// The server.
    index: usize,
    /// Set if the strategy asks for the load.
    in_flight: Option<InFlight>,
}

impl<'a> Attempt<'a> {
    pub(super) fn new(tracked: &'a Tracked, client: HeaderValue, index: usize) -> Option<Self> {
        let in_flight = tracked.in_flight(index)?;
        Some(Self { tracked, client, index, in_flight })
    }
}

impl<'a> Selection<'a> for Attempt<'a> {
    fn balancer(&self) -> &'a Balancer {
        &self.tracked.balancer
    }

    fn other(&mut self, tried: &[usize]) -> Option<Choice> {
        let now = Instant::now();
        // The last one could not be connected to.
        self.tracked.note(self.index, true, now);
        let choice = self.tracked.next(&self.client, tried, now)?;
        self.in_flight = self.tracked.in_flight(choice.0)?;
        self.index = choice.0;
        Some(choice)
    }
}

impl Tracked {
    /// A request in flight to the server at `index`, if the strategy asks for the load; `None` if there is no server.
    fn in_flight(&self, index: usize) -> Option<Option<InFlight>> {
        let server = self.servers.get(index)?;
        let counts = matches!(self.strategy, Strategy::P2c | Strategy::LeastTime);
        Some(counts.then(|| InFlight::new(&server.state)))
    }

    /// Handles one request.
    pub(in crate::service) async fn serve(
        &self,
        name: &Name,
        exchange: Exchange,
        context: &mut RequestContext<'_>,
        record: &mut UpstreamRecord,
    ) -> Result<Response<Body>, ServeError> {
        let begun = Instant::now();
        let attempt = self.attempt(&exchange.head.headers, &exchange.connection.address, &record.failed, begun);
        record.service = Some(Name::clone(name));
        let Some((attempt, choice)) = attempt else { return Err(crate::forward::ForwardError::NoServer.into()) };
        let mut request = PreparedRequest::new(attempt, choice, SmallVec::new(), exchange, context);
        let sent = request.send(record).await;
        let Attempt { index, in_flight, .. } = request.selection;
        let responded = Instant::now();
        let is_failure = match &sent {
            Ok(response) => Some(response.status().is_server_error()),
            // The client's own failures say nothing of the server.
            Err(error)
                if matches!(
                    error.kind(),
                    FailureKind::ClientGone | FailureKind::ClientPaused | FailureKind::Malformed
                ) =>
            {
                None
            }
            Err(_) => Some(true),
        };
        if let Some(is_failure) = is_failure {
            self.note(index, is_failure, responded);
        }
        let response = sent.map_err(|error| {
            tracing::debug!(router = &**context.router, error = &error as &dyn std::error::Error, "no answer");
            ServeError::from(error)
        })?;
        let Some(in_flight) = in_flight else { return Ok(response) };
        if let Some(server) = self.servers.get(index) {
            server.state.times.add(responded - begun);
        }
        if let Some(tunnel) = &record.tunnel {
            tunnel.keep(Box::new(in_flight));
            return Ok(response);
        }
        Ok(response.map(|body| Body::boxed(Holding::new(body, in_flight))))
    }
}
