//! Services and requests for tests.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::{Child, Resolve, Service, UpstreamRecord};
use crate::forward::{ForwardError, Transport, Tunnels};
use flow_middleware::{Body, Exchange, Fetch, FetchError, ForwardedFor, RequestContext};
use flow_model::config::{self, LoadBalancer, ServersTransport, ServiceKind};
use flow_model::middleware::ClientTls;
use flow_model::name::Name;
use http::{Request, Response};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// The router of the requests in tests.
pub(crate) static ROUTER: LazyLock<Name> = LazyLock::new(|| Name::from("r@file"));

/// Fails the test if a middleware sends a request of its own.
pub(crate) struct NoFetch;

#[async_trait::async_trait]
impl Fetch for NoFetch {
    async fn fetch(
        &self,
        request: Request<Body>,
        _: Option<&Arc<ClientTls>>,
        _: Duration,
    ) -> Result<Response<Body>, FetchError> {
        unreachable!("{request:?}")
    }
}

/// Finds a transport and no service.
pub(crate) struct Only(pub(crate) Arc<Transport>);

impl Resolve for Only {
    fn service(&mut self, _: &str) -> Option<Arc<Child>> {
        None
    }

    fn transport(&mut self, _: &str) -> Option<Arc<Transport>> {
        Some(Arc::clone(&self.0))
    }
}

/// A load balancer without a server.
pub(crate) fn no_servers() -> Arc<Service> {
    let transport = Transport::compile(&ServersTransport::default(), &Tunnels::new(), &Arc::default()).unwrap();
    let kind = ServiceKind::LoadBalancer(LoadBalancer::default());
    let config = Arc::new(config::Service { kind, middlewares: Vec::new() });
    Service::compile(&Name::from("none@file"), &config, &mut Only(transport), None).unwrap()
}

/// Sends a request as a router without middlewares does.
pub(crate) async fn forward(
    service: &Service,
    exchange: Exchange,
    record: &mut UpstreamRecord,
) -> Result<Response<Body>, ForwardError> {
    let mut user = None;
    let mut context = RequestContext::new(&ROUTER, &NoFetch, ForwardedFor::Append, &mut user);
    let forwarded = service.forward(exchange, &mut context, record).await;
    forwarded.map_err(|error| *error.into_cause().downcast::<ForwardError>().unwrap())
}
