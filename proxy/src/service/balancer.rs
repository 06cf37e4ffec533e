//! Servers behind one name.

use super::ServiceError;
use super::round_robin::WeightedRoundRobin;
use super::sticky::Sticky;
use crate::forward::{Endpoint, Transport, UpstreamRequest};
use flow_model::config::LoadBalancer;
use http::Uri;
use http::header::{HOST, HeaderMap, HeaderValue};
use http::uri::PathAndQuery;
use smallvec::SmallVec;
use std::sync::Arc;

/// A compiled load balancer.
#[derive(Debug)]
pub(super) struct Balancer {
    transport: Arc<Transport>,
    /// All servers except those without weight; includes the fenced ones.
    endpoints: Box<[Arc<Endpoint>]>,
    /// Over the servers that are not fenced.
    pub(super) round_robin: WeightedRoundRobin,
    sticky: Option<Box<Sticky>>,
    pass_host_header: bool,
}

/// The index of a server, and the sticky cookie to set.
pub(super) type Choice = (usize, Option<HeaderValue>);

/// A request's target before it was rewritten for a server.
pub(super) struct OriginalUri {
    uri: Option<Uri>,
}

impl Balancer {
    pub(super) fn compile(
        name: &str,
        config: &LoadBalancer,
        transport: &Arc<Transport>,
        previous: Option<&Self>,
    ) -> Result<Self, ServiceError> {
        let mut endpoints: Vec<Arc<Endpoint>> = Vec::with_capacity(config.servers.len());
        let mut weights = Vec::with_capacity(config.servers.len());
        let mut known: hashbrown::HashMap<&str, &Arc<Endpoint>, foldhash::fast::RandomState> =
            previous.iter().flat_map(|p| &p.endpoints).map(|endpoint| (endpoint.url(), endpoint)).collect();
        for server in &config.servers {
            let weight = i64::from(server.weight.unwrap_or(1));
            if weight <= 0 {
                continue;
            }
            let same =
                known.remove(&*server.url).filter(|endpoint| endpoint.is(&server.url, server.preserve_path, transport));
            let endpoint = match same {
                Some(endpoint) => Arc::clone(endpoint),
                None => Endpoint::new(&server.url, server.preserve_path, transport)
                    .map(Arc::new)
                    .map_err(|source| ServiceError::Server { url: server.url.clone(), source })?,
            };
            endpoints.push(endpoint);
            weights.push(if server.fenced { 0 } else { weight });
        }
        // Processes that start together do not all begin with the same server.
        let start = previous.map_or_else(|| fastrand::usize(..) >> 1, |previous| previous.round_robin.position());
        let cookie = config.sticky.as_ref().and_then(|sticky| sticky.cookie.as_ref());
        Ok(Self {
            transport: Arc::clone(transport),
            round_robin: WeightedRoundRobin::new(&weights, start),
            sticky: cookie
                .map(|cookie| Box::new(Sticky::compile(cookie, name, endpoints.iter().map(|endpoint| endpoint.url())))),
            endpoints: endpoints.into_boxed_slice(),
            pass_host_header: config.pass_host_header,
        })
    }

    pub(super) fn transport(&self) -> &Arc<Transport> {
        &self.transport
    }

    pub(super) fn endpoints(&self) -> &[Arc<Endpoint>] {
        &self.endpoints
    }

    pub(super) fn sticky(&self) -> Option<&Sticky> {
        self.sticky.as_deref()
    }

    /// The server for a request, and the sticky cookie to set if the client has none yet. One that an earlier try has
    /// `failed` is chosen only if there is no other.
    pub(super) fn choose(&self, headers: &HeaderMap, failed: &[Arc<Endpoint>]) -> Option<Choice> {
        if !failed.is_empty()
            && let Some(other) = self.other_than(failed)
        {
            return Some(other);
        }
        let Some(sticky) = &self.sticky else { return Some((self.round_robin.next()?, None)) };
        match sticky.find(headers) {
            Some(known) if known.outdated => Some((known.index, sticky.header(known.index))),
            Some(known) => Some((known.index, None)),
            None => {
                let index = self.round_robin.next()?;
                Some((index, sticky.header(index)))
            }
        }
    }

    /// The indexes of some servers, as far as they are among these.
    pub(super) fn indexes(&self, endpoints: &[Arc<Endpoint>]) -> SmallVec<[usize; 4]> {
        let is_one = |own: &Arc<Endpoint>| endpoints.iter().any(|endpoint| Arc::ptr_eq(endpoint, own));
        self.endpoints.iter().enumerate().filter(|(_, own)| is_one(own)).map(|(index, _)| index).collect()
    }

    /// Another server than the failed ones, if some of these are among them.
    fn other_than(&self, failed: &[Arc<Endpoint>]) -> Option<Choice> {
        let failed = self.indexes(failed);
        if failed.is_empty() { None } else { self.other(&failed) }
    }

    /// Another server than those tried, with its cookie.
    pub(super) fn other(&self, tried: &[usize]) -> Option<Choice> {
        let index = self.round_robin.find(|index| !tried.contains(&index))?;
        Some((index, self.sticky.as_ref().and_then(|sticky| sticky.header(index))))
    }

    /// Rewrites the request for the server at `index`. Returns the original target, to be passed in again for the next
    /// server if this one fails.
    pub(super) fn rewrite_for(
        &self,
        index: usize,
        upstream_request: &mut UpstreamRequest,
        original: Option<&OriginalUri>,
    ) -> OriginalUri {
        let none = OriginalUri { uri: None };
        let (Some(request), Some(endpoint)) = (upstream_request.request_mut(), self.endpoints.get(index)) else {
            return none;
        };
        // HTTP/1.0 clients may have sent none, but HTTP/1.1 servers require one.
        if !self.pass_host_header || !request.headers().contains_key(HOST) {
            request.headers_mut().insert(HOST, endpoint.authority().clone());
        }
        let Some(base) = endpoint.base_path() else {
            if let Some(OriginalUri { uri: Some(uri) }) = original {
                *request.uri_mut() = uri.clone();
            }
            return none;
        };
        let uri = match original {
            Some(OriginalUri { uri: Some(uri) }) => uri.clone(),
            _ => request.uri().clone(),
        };
        let joined = join(base, uri.path_and_query().map_or("/", PathAndQuery::as_str));
        if let Ok(joined) = joined.parse() {
            *request.uri_mut() = joined;
        }
        OriginalUri { uri: Some(uri) }
    }
}

/// One slash between the two (Go's `singleJoiningSlash`).
fn join(base: &str, path: &str) -> String {
    match (base.ends_with('/'), path.strip_prefix('/')) {
        (true, Some(rest)) => format!("{base}{rest}"),
        (false, None) => format!("{base}/{path}"),
        _ => format!("{base}{path}"),
    }
}
