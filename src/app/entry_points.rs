//! Entry points of the settings in the form that the data plane takes.

use crate::settings::{self, RedirectTarget, Settings};
use flow_model::config::RouterObservability;
use flow_model::entry_point::{AliasHeaders, EntryPoint, Http, Redirection, Transport};
use flow_model::name::{FILE, Name, qualify};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;

/// An entry point's host has no address.
#[derive(Debug, thiserror::Error)]
#[error("cannot resolve {host:?}; give an IP address, or none for all of the machine's")]
pub(super) struct Unresolvable {
    /// The entry point.
    pub(super) name: String,
    host: String,
    #[source]
    source: std::io::Error,
}

/// All TCP entry points, sorted by name.
///
/// # Errors
/// An [`Unresolvable`] for each entry point whose host has no address.
pub(super) fn entry_points(settings: &Settings) -> Result<Arc<[Arc<EntryPoint>]>, Vec<Unresolvable>> {
    let tcp = settings.entry_points.iter().filter(|(_, e)| e.address.protocol == settings::Protocol::Tcp);
    let (mut points, mut errors) = (Vec::new(), Vec::new());
    for (name, entry_point) in tcp {
        match convert(name, entry_point, settings) {
            Ok(point) => points.push(Arc::new(point)),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(points.into()) } else { Err(errors) }
}

fn convert(name: &str, from: &settings::EntryPoint, all: &Settings) -> Result<EntryPoint, Unresolvable> {
    let timeouts = &from.transport.responding_timeouts;
    Ok(EntryPoint {
        name: Name::from(name),
        address: resolve(name, &from.address)?,
        as_default: from.as_default,
        allow_acme_bypass: from.allow_acme_bypass,
        transport: Transport {
            request_accept_grace: from.transport.life_cycle.request_accept_grace_timeout,
            grace: from.transport.life_cycle.grace_timeout,
            read_timeout: timeouts.read_timeout,
            write_timeout: timeouts.write_timeout,
            idle_timeout: timeouts.idle_timeout,
            keep_alive_max_time: from.transport.keep_alive_max_time,
            keep_alive_max_requests: from.transport.keep_alive_max_requests,
        },
        proxy_protocol: from.proxy_protocol.clone(),
        forwarded_headers: from.forwarded_headers.clone(),
        http: http(&from.http, all),
        http2: from.http2,
        observability: observability(from.observability.as_ref()),
        has_model: from.http.tls.is_some()
            || !from.http.middlewares.is_empty()
            || from.http.encoded_characters.is_some()
            || from.observability.is_some()
            || all.core.default_rule_syntax.is_some(),
    })
}

/// The socket address; an empty host is every address of the machine, IPv4 and IPv6.
fn resolve(name: &str, address: &settings::Address) -> Result<SocketAddr, Unresolvable> {
    if address.host.is_empty() {
        return Ok(SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), address.port));
    }
    let failed = |source| Unresolvable { name: name.to_owned(), host: address.host.clone(), source };
    let mut found = (address.host.as_str(), address.port).to_socket_addrs().map_err(failed)?;
    found.next().ok_or_else(|| failed(std::io::Error::other("it has no address")))
}

/// The strategy for alias headers. As in Traefik, the older option counts only if the newer one is not set.
fn alias_headers(from: &settings::Http) -> AliasHeaders {
    AliasHeaders {
        strategy: from.alias_headers_strategy.or(from.underscore_headers_strategy).unwrap_or_default(),
        only_underscores: from.alias_headers_strategy.is_none(),
    }
}

fn http(from: &settings::Http, all: &Settings) -> Http {
    Http {
        middlewares: from.middlewares.iter().map(|name| qualify(name, FILE)).collect(),
        tls: from.tls.clone(),
        redirection: from.redirections.entry_point.as_ref().map(|redirection| {
            let (to, port) = match &redirection.to {
                RedirectTarget::EntryPoint(name) => {
                    (name.clone(), all.entry_points.get(name).map_or(443, |target| target.address.port))
                }
                RedirectTarget::Port(port) => (port.to_string(), *port),
            };
            Redirection {
                scheme: redirection.scheme.clone(),
                port,
                permanent: redirection.permanent,
                priority: redirection.priority,
                to,
            }
        }),
        encoded_characters: from.encoded_characters,
        encode_query_semicolons: from.encode_query_semicolons,
        sanitize_path: from.sanitize_path,
        max_header_bytes: usize::try_from(from.max_header_bytes).unwrap_or(usize::MAX),
        alias_headers: alias_headers(from),
    }
}

fn observability(from: Option<&settings::Observability>) -> RouterObservability {
    from.map_or_else(RouterObservability::default, |from| RouterObservability {
        access_logs: Some(from.access_logs),
        metrics: Some(from.metrics),
        tracing: Some(from.tracing),
        trace_verbosity: Some(from.trace_verbosity),
        metadata: None,
    })
}
