//! The way to a Redis: addresses, credentials, TLS, time limits.

use flow_model::duration::GoDuration;
use flow_model::middleware as spec;
use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{
    AsyncConnectionConfig, Client, ClientTlsConfig, ConnectionInfo, IntoConnectionInfo as _, RedisConnectionInfo,
    RedisResult, TlsCertificates, TlsMode,
};
use std::time::Duration;

const DEFAULT_ENDPOINT: &str = "127.0.0.1:6379";
const DEFAULT_DIAL: Duration = Duration::from_secs(5);
const DEFAULT_READ: Duration = Duration::from_secs(3);
/// More connections than this are of no use: each carries any number of requests at once.
const MAX_CONNECTIONS: usize = 16;

/// A connection, which many use at once.
#[derive(Clone)]
pub(super) enum Live {
    Cluster(Box<ClusterConnection>),
    Single(MultiplexedConnection),
}

/// The settings of connections.
#[derive(Debug)]
pub(super) struct Settings {
    servers: Vec<Client>,
    cluster: Option<ClusterClient>,
    dial: Duration,
    /// The longest wait for an answer.
    pub(super) read: Duration,
    connections: usize,
}

impl Settings {
    /// # Errors
    /// If an address or a certificate is malformed.
    pub(super) fn new(spec: &spec::Redis) -> RedisResult<Self> {
        let default = [DEFAULT_ENDPOINT.to_owned()];
        let endpoints = if spec.endpoints.is_empty() { &default[..] } else { &spec.endpoints };
        let infos: Vec<_> = endpoints.iter().map(|endpoint| info(spec, endpoint)).collect::<RedisResult<_>>()?;
        let certificates = || certificates(&spec.tls.clone().unwrap_or_default());
        let dial = limit(spec.dial_timeout, DEFAULT_DIAL);
        let read = limit(spec.read_timeout, DEFAULT_READ);
        let cluster = if infos.len() > 1 {
            let mut builder = ClusterClient::builder(infos.clone()).connection_timeout(dial).response_timeout(read);
            if !spec.username.is_empty() {
                builder = builder.username(&spec.username);
            }
            if !spec.password.is_empty() {
                builder = builder.password(&spec.password);
            }
            if let Some(tls) = &spec.tls {
                let mode = if tls.insecure_skip_verify { TlsMode::Insecure } else { TlsMode::Secure };
                builder = builder.tls(mode).certs(certificates());
            }
            Some(builder.build()?)
        } else {
            None
        };
        let client =
            |info| if spec.tls.is_some() { Client::build_with_tls(info, certificates()) } else { Client::open(info) };
        let servers = infos.into_iter().map(client).collect::<RedisResult<_>>()?;
        let count = |number: i64| usize::try_from(number).ok().filter(|number| *number > 0);
        let most = count(spec.max_active_conns).unwrap_or(MAX_CONNECTIONS).min(MAX_CONNECTIONS);
        let wanted = count(spec.pool_size).or_else(|| count(spec.min_idle_conns)).unwrap_or(1);
        Ok(Self { servers, cluster, dial, read, connections: wanted.min(most) })
    }

    /// Connects to the cluster, or to the first server that answers.
    pub(super) async fn connect(&self) -> RedisResult<Vec<Live>> {
        if let Some(cluster) = &self.cluster {
            match cluster.get_async_connection().await {
                Ok(connection) => return Ok(vec![Live::Cluster(Box::new(connection))]),
                Err(error) => tracing::debug!(error = &error as &dyn std::error::Error, "no cluster of Redis servers"),
            }
        }
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(self.dial)).set_response_timeout(Some(self.read));
        let mut last = None;
        for server in &self.servers {
            match connections(server, &config, self.connections).await {
                Ok(connections) => return Ok(connections),
                Err(error) => last = Some(error),
            }
        }
        // There is a server at least, so that there is an error.
        last.map_or(Ok(Vec::new()), Err)
    }
}

async fn connections(server: &Client, config: &AsyncConnectionConfig, count: usize) -> RedisResult<Vec<Live>> {
    let mut connections = Vec::with_capacity(count);
    for _ in 0..count {
        let mut connection = server.get_multiplexed_async_connection_with_config(config).await?;
        redis::cmd("PING").query_async::<()>(&mut connection).await?;
        connections.push(Live::Single(connection));
    }
    Ok(connections)
}

fn info(spec: &spec::Redis, endpoint: &str) -> RedisResult<ConnectionInfo> {
    let url = match &spec.tls {
        None => format!("redis://{endpoint}"),
        Some(tls) if tls.insecure_skip_verify => format!("rediss://{endpoint}/#insecure"),
        Some(_) => format!("rediss://{endpoint}"),
    };
    let mut redis = RedisConnectionInfo::default().set_db(spec.db);
    if !spec.username.is_empty() {
        redis = redis.set_username(&spec.username);
    }
    if !spec.password.is_empty() {
        redis = redis.set_password(&spec.password);
    }
    Ok(url.into_connection_info()?.set_redis_settings(redis))
}

fn certificates(tls: &spec::ClientTls) -> TlsCertificates {
    let bytes = |pem: &str| pem.as_bytes().to_vec();
    TlsCertificates {
        client_tls: (!tls.cert.is_empty())
            .then(|| ClientTlsConfig { client_cert: bytes(&tls.cert), client_key: bytes(&tls.key) }),
        root_cert: (!tls.ca.is_empty()).then(|| bytes(&tls.ca)),
    }
}

fn limit(given: Option<GoDuration>, default: Duration) -> Duration {
    given.map(Duration::from).filter(|given| !given.is_zero()).unwrap_or(default)
}
