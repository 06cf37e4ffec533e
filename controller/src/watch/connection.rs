//! The connection to the API server, chosen as Traefik chooses it.

use http::Uri;
use kube::config::{AuthInfo, Config, InClusterError, KubeConfigOptions, KubeconfigError};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;
use thiserror::Error;

/// The silence after which a watch is taken for dead. The API server sends a bookmark about once a minute.
const READ_TIMEOUT: Duration = Duration::from_secs(90);
/// The time limit of connecting to the API server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The location of the API server, by Traefik's options of the same names.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Connection {
    /// The API server's URL. In a cluster it replaces the one of the environment; outside it is needed, unless there is
    /// a `KUBECONFIG`.
    pub endpoint: Option<String>,
    /// A bearer token, or the path of a file that holds one. Only used outside a cluster.
    pub token: Option<String>,
    /// A file with the authorities of the API server's certificate. Only used outside a cluster.
    pub certificate_authority: Option<PathBuf>,
}

/// The deciding part of the environment, as a value.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Environment {
    /// True if `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT` are both set.
    pub(crate) in_cluster: bool,
    /// True if `KUBECONFIG` is set.
    pub(crate) kubeconfig: bool,
}

impl Environment {
    /// Returns the environment of this process.
    #[must_use]
    pub(crate) fn of_process() -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        Self {
            in_cluster: set("KUBERNETES_SERVICE_HOST") && set("KUBERNETES_SERVICE_PORT"),
            kubeconfig: set("KUBECONFIG"),
        }
    }
}

/// The reason why there is no connection to the API server.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The authorities cannot be read.
    #[error("certAuthFilePath {path} cannot be read")]
    Authority {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The file of authorities holds no PEM certificates.
    #[error("certAuthFilePath {0} holds no PEM certificate")]
    NoAuthority(PathBuf),
    /// The client could not be made.
    #[error("the client of the API server could not be made")]
    Client(#[source] Box<kube::Error>),
    /// The endpoint is not a URL.
    #[error("endpoint {endpoint} is no URL")]
    Endpoint {
        /// The endpoint as given.
        endpoint: String,
        /// The cause.
        #[source]
        source: http::uri::InvalidUri,
    },
    /// The service account cannot be used.
    #[error("the service account of this pod cannot be used")]
    InCluster(#[source] InClusterError),
    /// The kubeconfig cannot be used.
    #[error("the kubeconfig cannot be used")]
    Kubeconfig(#[source] KubeconfigError),
    /// There is neither a cluster nor an option.
    #[error(
        "this process runs outside a cluster and has neither KUBECONFIG nor an endpoint: set providers.kubernetesIngress.endpoint"
    )]
    Nowhere,
    /// The token cannot be used.
    #[error("the token cannot be used")]
    Token(#[source] serde_json::Error),
}

impl Connection {
    /// Checks that the options can be used, as far as files are concerned. The API server is not asked; without an
    /// endpoint there may be one in a cluster.
    ///
    /// # Errors
    /// [`ConnectError::Endpoint`], or the errors of the file of authorities.
    pub fn look(&self) -> Result<(), ConnectError> {
        self.endpoint()?;
        if let Some(path) = &self.certificate_authority {
            authorities(path)?;
        }
        Ok(())
    }

    /// Returns a client: with the service account of the pod, else by `KUBECONFIG`, else to `endpoint`.
    ///
    /// # Errors
    /// If the chosen source is incomplete or unreadable. An API server that does not respond is not an error yet.
    pub(crate) async fn client(&self, environment: &Environment) -> Result<kube::Client, ConnectError> {
        let mut config = self.config(environment).await?;
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        config.read_timeout = Some(READ_TIMEOUT);
        config.reset_reader_on_write = true;
        // Every caller has its own back-off.
        config.default_retry = false;
        kube::Client::try_from(config).map_err(|error| ConnectError::Client(Box::new(error)))
    }

    async fn config(&self, environment: &Environment) -> Result<Config, ConnectError> {
        if environment.in_cluster {
            let mut config = Config::incluster().map_err(ConnectError::InCluster)?;
            if let Some(endpoint) = self.endpoint()? {
                config.cluster_url = endpoint;
            }
            return Ok(config);
        }
        if environment.kubeconfig {
            return Config::from_kubeconfig(&KubeConfigOptions::default()).await.map_err(ConnectError::Kubeconfig);
        }
        let mut config = Config::new(self.endpoint()?.ok_or(ConnectError::Nowhere)?);
        if let Some(path) = &self.certificate_authority {
            config.root_cert = Some(authorities(path)?);
        }
        if let Some(token) = &self.token {
            config.auth_info = auth(token)?;
        }
        Ok(config)
    }

    fn endpoint(&self) -> Result<Option<Uri>, ConnectError> {
        let Some(endpoint) = self.endpoint.as_deref().filter(|endpoint| !endpoint.is_empty()) else { return Ok(None) };
        endpoint.parse().map(Some).map_err(|source| ConnectError::Endpoint { endpoint: endpoint.to_owned(), source })
    }
}

/// Returns the credentials. A token that is a path is read again when it changes.
fn auth(token: &str) -> Result<AuthInfo, ConnectError> {
    let key = if Path::new(token).is_file() { "tokenFile" } else { "token" };
    serde_json::from_value(json!({ key: token })).map_err(ConnectError::Token)
}

fn authorities(path: &Path) -> Result<Vec<Vec<u8>>, ConnectError> {
    use base64::Engine as _;
    let text =
        std::fs::read_to_string(path).map_err(|source| ConnectError::Authority { path: path.to_owned(), source })?;
    let certificates: Vec<_> = text
        .split("-----BEGIN CERTIFICATE-----")
        .skip(1)
        .filter_map(|rest| rest.split_once("-----END CERTIFICATE-----"))
        .filter_map(|(body, _)| {
            let body: String = body.split_whitespace().collect();
            base64::engine::general_purpose::STANDARD.decode(body).ok()
        })
        .collect();
    if certificates.is_empty() { Err(ConnectError::NoAuthority(path.to_owned())) } else { Ok(certificates) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const OUTSIDE: Environment = Environment { in_cluster: false, kubeconfig: false };

    #[tokio::test]
    async fn an_endpoint_is_needed_outside() {
        let error = Connection::default().config(&OUTSIDE).await.unwrap_err();
        assert!(matches!(error, ConnectError::Nowhere), "{error:?}");
        let bad = Connection { endpoint: Some("http://[".into()), ..Connection::default() };
        assert!(matches!(bad.config(&OUTSIDE).await.unwrap_err(), ConnectError::Endpoint { .. }));
    }

    #[tokio::test]
    async fn a_token_is_a_value_or_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "secret").unwrap();
        let mut connection = Connection {
            endpoint: Some("https://10.0.0.1:6443".into()),
            token: Some("literal".into()),
            ..Connection::default()
        };
        let config = connection.config(&OUTSIDE).await.unwrap();
        assert!(config.auth_info.token.is_some() && config.auth_info.token_file.is_none());
        connection.token = Some(file.to_str().unwrap().into());
        let config = connection.config(&OUTSIDE).await.unwrap();
        assert_eq!(config.auth_info.token_file.as_deref(), file.to_str());
        assert_eq!(config.cluster_url.host(), Some("10.0.0.1"));
    }

    #[tokio::test]
    async fn authorities_must_be_certificates() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let connection = Connection {
            endpoint: Some("https://10.0.0.1".into()),
            certificate_authority: Some(path.clone()),
            ..Connection::default()
        };
        assert!(matches!(connection.config(&OUTSIDE).await.unwrap_err(), ConnectError::Authority { .. }));
        std::fs::write(&path, "no certificate").unwrap();
        assert!(matches!(connection.config(&OUTSIDE).await.unwrap_err(), ConnectError::NoAuthority(_)));
        std::fs::write(&path, "x\n-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n").unwrap();
        assert_eq!(connection.config(&OUTSIDE).await.unwrap().root_cert, Some(vec![vec![1, 2, 3]]));
    }
}
