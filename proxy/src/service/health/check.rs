//! A health check as it is run.

use super::location::Location;
use flow_model::config::{HealthCheck, HealthCheckMode};
use http::header::{HOST, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use std::time::Duration;

/// Traefik's defaults, also where a configuration says zero.
const INTERVAL: Duration = Duration::from_secs(30);
const TIMEOUT: Duration = Duration::from_secs(5);

/// A compiled health check.
#[derive(Debug)]
pub struct Check {
    pub(super) config: HealthCheck,
    pub(super) method: Method,
    /// The headers of the requests, without `Host`.
    pub(super) headers: HeaderMap,
    /// `Host`, if it is not that of the URL.
    pub(super) host: Option<HeaderValue>,
    /// The status of a server that is up; `None` is 200 to 399.
    pub(super) status: Option<StatusCode>,
    pub(super) follows_redirects: bool,
}

/// The reason why a health check cannot be run.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidCheck {
    /// A header's name or value is invalid.
    #[error("{0:?} is not a header that can be sent")]
    Header(String),
    /// The method is not a token.
    #[error("{0:?} is not a method")]
    Method(String),
    /// The path leads to another server, or is none.
    #[error("{0:?} is not a path")]
    Path(String),
    /// Another scheme than http, https or h2c.
    #[error("unsupported scheme {0:?}")]
    Scheme(String),
    /// A number that is no status.
    #[error("{0} is not a status")]
    Status(u16),
}

impl Check {
    /// Compiles `config`.
    ///
    /// # Errors
    /// [`InvalidCheck`] if a field cannot be sent.
    pub fn new(config: &HealthCheck) -> Result<Self, InvalidCheck> {
        if !matches!(config.scheme.as_str(), "" | "http" | "https" | "h2c") {
            return Err(InvalidCheck::Scheme(config.scheme.clone()));
        }
        // A path is looked at as it will be: below some server.
        Location::new("http://server.invalid", config).ok_or_else(|| InvalidCheck::Path(config.path.clone()))?;
        let method = match config.method.as_str() {
            "" => Method::GET,
            method => method.parse().map_err(|_| InvalidCheck::Method(method.to_owned()))?,
        };
        let value = |text: &str| HeaderValue::from_str(text).map_err(|_| InvalidCheck::Header(text.to_owned()));
        let mut headers = HeaderMap::new();
        for (name, text) in &config.headers {
            let name = name.parse::<HeaderName>().map_err(|_| InvalidCheck::Header(name.clone()))?;
            // As in Go, only `hostname` says whom to ask for.
            if name != HOST {
                headers.insert(name, value(text)?);
            }
        }
        let status = match config.status {
            0 => None,
            status => Some(StatusCode::from_u16(status).map_err(|_| InvalidCheck::Status(status))?),
        };
        Ok(Self {
            method,
            headers,
            host: (!config.hostname.is_empty()).then(|| value(&config.hostname)).transpose()?,
            status,
            follows_redirects: config.follow_redirects.unwrap_or(true),
            config: config.clone(),
        })
    }

    /// The time until the next check of a server that is up, or down.
    pub(super) fn interval(&self, is_up: bool) -> Duration {
        let interval = Some(self.config.interval.0).filter(|interval| !interval.is_zero()).unwrap_or(INTERVAL);
        let unhealthy = match self.config.unhealthy_interval {
            None => interval,
            Some(given) if given.0.is_zero() => INTERVAL,
            Some(given) => given.0,
        };
        if is_up { interval } else { unhealthy }
    }

    /// The time until which a server must have answered.
    pub(super) fn timeout(&self) -> Duration {
        Some(self.config.timeout.0).filter(|timeout| !timeout.is_zero()).unwrap_or(TIMEOUT)
    }

    /// True if the server is asked by gRPC.
    pub(super) fn is_grpc(&self) -> bool {
        self.config.mode == Some(HealthCheckMode::Grpc)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn check(json: &str) -> Result<Check, InvalidCheck> {
        Check::new(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        for (json, error) in [
            (r#"{"scheme": "ftp"}"#, InvalidCheck::Scheme("ftp".to_owned())),
            (r#"{"path": "http://other.test/up"}"#, InvalidCheck::Path("http://other.test/up".to_owned())),
            (r#"{"path": "//other.test/up"}"#, InvalidCheck::Path("//other.test/up".to_owned())),
            (r#"{"method": "GET IT"}"#, InvalidCheck::Method("GET IT".to_owned())),
            (r#"{"headers": {"a b": "c"}}"#, InvalidCheck::Header("a b".to_owned())),
            (r#"{"headers": {"a": "b\nc"}}"#, InvalidCheck::Header("b\nc".to_owned())),
            (r#"{"hostname": "a\nb"}"#, InvalidCheck::Header("a\nb".to_owned())),
            (r#"{"status": 7}"#, InvalidCheck::Status(7)),
        ] {
            assert_eq!(check(json).unwrap_err(), error);
        }
    }

    #[test]
    fn times_have_defaults() {
        let seconds = Duration::from_secs;
        for (json, up, down, timeout) in [
            ("{}", 30, 30, 5),
            (r#"{"interval": 0, "unhealthyInterval": 0, "timeout": 0}"#, 30, 30, 5),
            (r#"{"interval": "7s", "timeout": "1s"}"#, 7, 7, 1),
            (r#"{"interval": "7s", "unhealthyInterval": "2s"}"#, 7, 2, 5),
        ] {
            let check = check(json).unwrap();
            let times = (check.interval(true), check.interval(false), check.timeout());
            assert_eq!(times, (seconds(up), seconds(down), seconds(timeout)), "{json}");
        }
    }
}
