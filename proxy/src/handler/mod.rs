//! One request, from its head to the response's head: the whole path on one page.

mod challenge;
mod record;

use crate::access_log::AccessLog;
use crate::metrics::{HeaderLabels, Metrics, Series};
use crate::request;
use crate::respond::{Failure, respond};
use crate::router::RequestView;
use crate::serve::{self, Client};
use crate::snapshot::{Reader, Route};
use crate::spans;
use flow_middleware::{Body, Exchange, Fetch, ForwardedFor, Interim, RequestContext};
use flow_model::challenge::ChallengeLookup;
use flow_model::entry_point::EntryPoint;
use http::request::Parts;
use http::{Request, Response};
use record::Record;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use tracing::Span;

/// Handles requests with the current snapshot.
pub struct Handler {
    snapshot: Reader,
    challenges: Arc<dyn ChallengeLookup>,
    fetch: Arc<dyn Fetch>,
    log: Option<Arc<AccessLog>>,
    /// By index of the entry points; `None` if an entry point is not counted.
    series: Box<[Option<Arc<Series>>]>,
    metrics: bool,
    /// `None` if no metric labels come from headers.
    labels: Option<Arc<HeaderLabels>>,
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handler").finish_non_exhaustive()
    }
}

impl Handler {
    /// A handler for these entry points.
    #[must_use]
    pub fn new(
        snapshot: Reader,
        entry_points: &[Arc<EntryPoint>],
        challenges: Arc<dyn ChallengeLookup>,
        fetch: Arc<dyn Fetch>,
        log: Option<Arc<AccessLog>>,
        metrics: Option<&Metrics>,
    ) -> Self {
        let series = entry_points.iter().map(|entry_point| {
            metrics.filter(|_| entry_point.observability.metrics.unwrap_or(true))?.entry_point(&entry_point.name)
        });
        let labels = metrics.and_then(|metrics| metrics.header_labels().cloned());
        Self { snapshot, challenges, fetch, log, series: series.collect(), metrics: metrics.is_some(), labels }
    }

    async fn response_to(
        &self,
        client: &Client,
        exchange: &mut Exchange,
        record: &mut Record,
        span: &Span,
    ) -> Response<Body> {
        if let Err(refusal) = request::admit(&client.entry.policy, &client.origin, &mut exchange.head) {
            tracing::debug!(error = &refusal as &dyn std::error::Error, "refused");
            return respond(&refusal.into());
        }
        if let Some(response) = challenge::response(&*self.challenges, &exchange.head) {
            return response;
        }
        let route = match self.route(client, &exchange.head) {
            Ok(route) => route,
            Err(failure) => {
                tracing::debug!(error = &failure as &dyn std::error::Error, "not routed");
                return respond(&failure);
            }
        };
        spans::routed(span, &route.name, route.target.ingress.as_deref(), &route.target.service);
        record.routed(&route);
        record.count_request(&mut exchange.body);
        let forwarded_for = match client.entry.point.forwarded_headers.not_append_x_forwarded_for {
            true => ForwardedFor::Keep,
            false => ForwardedFor::Append,
        };
        let (user, upstream) = record.on_the_way();
        let mut context = RequestContext::new(&route.name, &*self.fetch, forwarded_for, user);
        let served = {
            // Pinned here: it is large, and awaiting it directly would move it.
            let serving = pin!(route.target.pipeline.serve(exchange, &mut context, upstream));
            serving.await
        };
        served.unwrap_or_else(|error| respond(&error.into()))
    }

    fn route(&self, client: &Client, head: &Parts) -> Result<Arc<Route>, Failure> {
        let connection = &client.connection;
        let view = RequestView::of(head, connection.remote.ip());
        let snapshot = self.snapshot.load();
        let route = snapshot.route(client.entry.index, connection.tls.is_some(), &view).ok_or(Failure::NoRoute)?;
        match &connection.tls {
            Some(session) if session.options != route.target.tls_options => Err(Failure::Misdirected),
            _ => Ok(Arc::clone(route)),
        }
    }
}

impl serve::Handler for Handler {
    async fn handle(&self, client: &Arc<Client>, request: Request<Body>, interim: Option<Interim>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let span = spans::request(&client.entry.point.name, &head);
        let index = client.entry.index;
        let series = self.series.get(index).and_then(Option::as_ref);
        let mut record = Record::begin(client, &head, self.log.as_ref(), series, self.metrics);
        if let Some(labels) = &self.labels {
            record.label(labels, &head.headers);
        }
        let mut exchange = Exchange { head, body, connection: Arc::clone(&client.connection), interim };
        let response = {
            let responding = pin!(self.response_to(client, &mut exchange, &mut record, &span));
            spans::within(&span, responding).await
        };
        record.finish(response)
    }
}
