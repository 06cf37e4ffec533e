#![allow(clippy::unwrap_used, reason = "tests")]
mod failover;
mod health;
mod highest_random_weight;
mod mirroring;
mod pipeline;
mod round_robin;
mod stickiness;
mod strategies;

use super::*;
use crate::forward::tests::{Backend, Peer};
use crate::forward::{Transport, Tunnels};
use flow_middleware::{Chain, Exchange, RequestContext};
use flow_model::config::{self, Server, ServersTransport};
use parking_lot::Mutex;

/// The services that others refer to by name.
#[derive(Default)]
pub(super) struct World {
    children: Vec<Arc<Child>>,
    /// Those that were asked for, which only the test sets.
    pub(super) probes: Vec<Arc<Probe>>,
    pub(super) transport: Option<Arc<Transport>>,
}

impl World {
    pub(super) fn new() -> Self {
        let transport = Transport::compile(&ServersTransport::default(), &Tunnels::new(), &Arc::default()).unwrap();
        Self { children: Vec::new(), probes: Vec::new(), transport: Some(transport) }
    }

    pub(super) fn compile(&mut self, name: &str, kind: ServiceKind, previous: Option<&Arc<Service>>) -> Arc<Service> {
        let config = Arc::new(config::Service { kind, middlewares: Vec::new() });
        Service::compile(&Name::from(name), &config, self, previous).unwrap()
    }
}

impl Resolve for World {
    fn service(&mut self, name: &str) -> Option<Arc<Child>> {
        self.children.iter().find(|child| **child.service().name() == *name).cloned()
    }

    fn probe(&mut self, _: &str, _: &Arc<Check>, _: &Arc<Transport>) -> Arc<Probe> {
        let probe = Arc::new(Probe::idle());
        self.probes.push(Arc::clone(&probe));
        probe
    }

    fn transport(&mut self, _: &str) -> Option<Arc<Transport>> {
        self.transport.clone()
    }
}

pub(super) fn server(url: &str) -> Server {
    Server { url: url.to_owned(), ..Server::default() }
}

impl World {
    /// Lets others refer to a service by its name.
    pub(super) fn offer(&mut self, service: &Arc<Service>) {
        self.children.push(Arc::new(Child::new(Arc::clone(service), Chain::default())));
    }

    /// Compiles the service that `json` describes, and lets others refer to it by its name.
    pub(super) fn add(&mut self, name: &str, json: &str) -> Arc<Service> {
        let config: config::Service = serde_json::from_str(json).unwrap();
        let service = self.compile(name, config.kind, None);
        self.offer(&service);
        service
    }

    /// A service over one server.
    pub(super) fn add_server(&mut self, name: &str, url: &str) -> Arc<Service> {
        self.add(name, &format!(r#"{{"loadBalancer": {{"servers": [{{"url": "{url}"}}]}}}}"#))
    }
}

/// The requests that a backend got, head and body.
pub(super) type Requests = Arc<Mutex<Vec<String>>>;

/// A backend that responds with this status, and with its name.
pub(super) async fn backend(name: &'static str, status: u16) -> (Backend, Requests) {
    let requests = Requests::default();
    let got = Arc::clone(&requests);
    let backend = Backend::run(move |mut peer: Peer, _| {
        let got = Arc::clone(&got);
        async move {
            while let Some(mut request) = peer.head().await {
                let length = request.split("Content-Length: ").nth(1).and_then(|rest| rest.lines().next());
                if let Some(length) = length.map(|length| length.parse::<usize>().unwrap()) {
                    request.push_str(&peer.exactly(length).await.unwrap());
                }
                got.lock().push(request);
                let length = name.len();
                peer.write(&format!("HTTP/1.1 {status} Any\r\nContent-Length: {length}\r\n\r\n{name}")).await;
            }
        }
    })
    .await;
    (backend, requests)
}

#[test]
fn forwarding_is_send() {
    fn check<T: Send>(
        _: impl FnOnce(&'static Service, Exchange, &'static mut RequestContext<'static>, &'static mut UpstreamRecord) -> T,
    ) {
    }
    check(|service, exchange, context, record| service.forward(exchange, context, record));
}
