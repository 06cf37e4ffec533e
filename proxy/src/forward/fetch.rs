//! Sends the requests that middlewares make themselves, over connections like those to backends.

use super::{Endpoint, ForwardError, OutboundProxies, Transport, TransportError, Tunnels, UpstreamRequest, send};
use arc_swap::ArcSwap;
use flow_middleware::FailureKind;
use flow_middleware::{Body, Fetch, FetchError};
use flow_model::config::{Certificate, ServersTransport};
use flow_model::middleware::ClientTls;
use flow_model::name::Name;
use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response, Uri, Version};
use std::sync::Arc;
use std::time::Duration;

/// Sends requests of middlewares; each server has its own connections. Clones share them.
#[derive(Clone, Debug)]
pub struct Fetcher(Arc<Servers>);

/// The servers, and the connections to them.
#[derive(Debug)]
struct Servers {
    plain: Arc<Transport>,
    proxies: Arc<OutboundProxies>,
    /// Few, so that a list is quicker than a map. Replaced as a whole at the first request to a new server.
    servers: ArcSwap<Vec<Server>>,
}

/// A server with earlier requests.
#[derive(Clone, Debug)]
struct Server {
    scheme: Box<str>,
    authority: Box<str>,
    tls: Option<Arc<ClientTls>>,
    endpoint: Arc<Endpoint>,
}

impl Server {
    fn is(&self, scheme: &str, authority: &str, tls: Option<&Arc<ClientTls>>) -> bool {
        let same_tls = match (&self.tls, tls) {
            (None, None) => true,
            (Some(ours), Some(theirs)) => Arc::ptr_eq(ours, theirs),
            _ => false,
        };
        same_tls && *self.scheme == *scheme && *self.authority == *authority
    }
}

impl Fetcher {
    /// A sender without connections, which reaches servers through `proxies`.
    ///
    /// # Errors
    /// `Tls` if the TLS library rejects its defaults.
    pub fn new(proxies: &Arc<OutboundProxies>) -> Result<Self, TransportError> {
        let plain = Transport::compile(&ServersTransport::default(), &Tunnels::new(), proxies)?;
        Ok(Self(Arc::new(Servers { plain, proxies: Arc::clone(proxies), servers: ArcSwap::default() })))
    }
}

impl Servers {
    fn endpoint(&self, uri: &Uri, tls: Option<&Arc<ClientTls>>) -> Result<Arc<Endpoint>, FetchError> {
        let (scheme, authority) = (uri.scheme_str().unwrap_or_default(), uri.authority().map_or("", |a| a.as_str()));
        if let Some(known) = self.servers.load().iter().find(|server| server.is(scheme, authority, tls)) {
            return Ok(Arc::clone(&known.endpoint));
        }
        let transport = match tls {
            None => Arc::clone(&self.plain),
            Some(tls) => Transport::compile(&transport_for(tls), &Tunnels::new(), &self.proxies)
                .map_err(|e| FetchError::Tls { authority: authority.to_owned(), reason: e.to_string() })?,
        };
        let endpoint = Endpoint::new(&format!("{scheme}://{authority}"), false, &transport)
            .map_err(|e| FetchError::Unreachable { authority: authority.to_owned(), source: e.into() })?;
        let server = Server {
            scheme: Box::from(scheme),
            authority: Box::from(authority),
            tls: tls.cloned(),
            endpoint: Arc::new(endpoint),
        };
        self.servers.rcu(|servers| {
            // Servers without a request for longer than the idle timeout are removed.
            let mut servers: Vec<_> =
                servers.iter().filter(|server| !server.endpoint.pool.is_idle()).cloned().collect();
            servers.push(server.clone());
            servers
        });
        Ok(server.endpoint)
    }
}

/// Checks that requests can be sent with these TLS settings.
///
/// # Errors
/// [`TransportError`] if an authority, the certificate or its key cannot be used.
pub(crate) fn check(tls: &ClientTls) -> Result<(), TransportError> {
    Transport::compile(&transport_for(tls), &Tunnels::new(), &Arc::default()).map(drop)
}

fn transport_for(tls: &ClientTls) -> ServersTransport {
    let pem = |text: &str| text.as_bytes().to_vec();
    let certificate =
        || Certificate { origin: Name::from("the middleware's"), chain: pem(&tls.cert), key: pem(&tls.key) };
    ServersTransport {
        insecure_skip_verify: tls.insecure_skip_verify,
        root_cas: (!tls.ca.is_empty()).then(|| pem(&tls.ca)).into_iter().collect(),
        certificates: (!tls.cert.is_empty()).then(certificate).into_iter().collect(),
        ..ServersTransport::default()
    }
}

#[async_trait::async_trait]
impl Fetch for Fetcher {
    async fn fetch(
        &self,
        mut request: Request<Body>,
        tls: Option<&Arc<ClientTls>>,
        limit: Duration,
    ) -> Result<Response<Body>, FetchError> {
        let endpoint = self.0.endpoint(request.uri(), tls)?;
        if !request.headers().contains_key(HOST)
            && let Some(Ok(host)) = request.uri().authority().map(|a| HeaderValue::from_str(a.as_str()))
        {
            request.headers_mut().insert(HOST, host);
        }
        let path = request.uri().path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        *request.uri_mut() = Uri::from(path);
        *request.version_mut() = Version::HTTP_11;
        let authority = || endpoint.address().to_owned();
        let mut upstream_request = UpstreamRequest::new(request, None, None);
        match tokio::time::timeout(limit, send(&endpoint, &mut upstream_request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(ForwardError::TimedOut { limit, .. })) => {
                Err(FetchError::TimedOut { authority: authority(), limit })
            }
            Ok(Err(error)) if error.kind() == FailureKind::TimedOut => {
                Err(FetchError::TimedOut { authority: authority(), limit })
            }
            Ok(Err(error)) => Err(FetchError::Unreachable { authority: authority(), source: error.into() }),
            Err(_) => Err(FetchError::TimedOut { authority: authority(), limit }),
        }
    }

    fn shared(&self) -> Option<Arc<dyn Fetch>> {
        Some(Arc::new(self.clone()))
    }
}
