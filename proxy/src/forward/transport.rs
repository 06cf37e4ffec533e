//! The settings for connections to backends: time limits, TLS and pool limits, compiled from a ServersTransport.

use super::tls::{self, Clients};
use super::transport_error::TransportError;
use super::{OutboundProxies, Tunnels};
use flow_model::config::ServersTransport;
use rustls_pki_types::ServerName;
use std::sync::Arc;
use std::time::Duration;

/// Default number of idle connections that a worker keeps for one backend (Traefik's default).
const IDLE_CONNECTIONS: usize = 200;

/// A compiled ServersTransport, shared by its endpoints.
#[derive(Debug)]
pub struct Transport {
    pub(super) clients: Clients,
    pub(super) server_name: Option<ServerName<'static>>,
    pub(super) max_idle: usize,
    pub(super) tunnels: Tunnels,
    pub(super) proxies: Arc<OutboundProxies>,
    /// `None` means no limit, here and below.
    pub(super) dial: Option<Duration>,
    pub(super) response_header: Option<Duration>,
    pub(super) idle_connection: Option<Duration>,
    pub(super) read_idle: Option<Duration>,
    pub(super) ping: Duration,
    findings: Box<[String]>,
}

impl Transport {
    /// Compiles `config`; upgraded connections are counted in `tunnels`, and servers are reached through `proxies`.
    ///
    /// # Errors
    /// [`TransportError`] if its TLS settings are invalid.
    pub fn compile(
        config: &ServersTransport,
        tunnels: &Tunnels,
        proxies: &Arc<OutboundProxies>,
    ) -> Result<Arc<Self>, TransportError> {
        let server_name = match config.server_name.as_str() {
            "" => None,
            name => {
                Some(ServerName::try_from(name.to_owned()).map_err(|_| TransportError::ServerName(name.to_owned()))?)
            }
        };
        let limit = |duration: Duration| (!duration.is_zero()).then_some(duration);
        let timeouts = &config.timeouts;
        let mut findings = Vec::new();
        Ok(Arc::new(Self {
            clients: tls::clients(config, &mut findings)?,
            server_name,
            max_idle: if config.max_idle_connections == 0 { IDLE_CONNECTIONS } else { config.max_idle_connections },
            tunnels: tunnels.clone(),
            proxies: Arc::clone(proxies),
            dial: limit(timeouts.dial.0),
            response_header: limit(timeouts.response_header.0),
            idle_connection: limit(timeouts.idle_connection.0),
            read_idle: limit(timeouts.read_idle.0),
            ping: timeouts.ping.0,
            findings: findings.into(),
        }))
    }

    /// Deviations from the configuration, each in one sentence without a full stop.
    #[must_use]
    pub fn findings(&self) -> &[String] {
        &self.findings
    }
}
