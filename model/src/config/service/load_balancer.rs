//! Servers behind one name.

use super::{HealthCheck, PassiveHealthCheck, Sticky};
use crate::duration::{GoDuration, InvalidDuration};
use crate::name::Name;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// Servers behind one name.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LoadBalancer {
    /// The servers; none means 503.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<Server>,
    /// The way in which a server is chosen.
    pub strategy: Strategy,
    /// Stickiness: clients stay with the server they got.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sticky: Option<Box<Sticky>>,
    /// Checks of the servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<Box<HealthCheck>>,
    /// Set if the failures of clients' requests tell that a server is down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passive_health_check: Option<Box<PassiveHealthCheck>>,
    /// True if the client's Host is sent on.
    pub pass_host_header: bool,
    /// The flush interval. Kept for Traefik's API: here every frame is sent on at once.
    pub response_forwarding: ResponseForwarding,
    /// The name of the transport, as the provider refers to it; empty is the default transport.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub servers_transport: Name,
}

impl Default for LoadBalancer {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            strategy: Strategy::Wrr,
            sticky: None,
            health_check: None,
            passive_health_check: None,
            pass_host_header: true,
            response_forwarding: ResponseForwarding::default(),
            servers_transport: Name::default(),
        }
    }
}

/// One server of a load balancer.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Server {
    /// `scheme://host:port`; schemes http, https, h2c.
    pub url: String,
    /// Its weight; `None` is 1, zero or less takes it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<i32>,
    /// True if the URL's path is put before the request's.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub preserve_path: bool,
    /// True if it is going away: only clients that stick to it still get it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub fenced: bool,
}

/// The way in which a server is chosen.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// Weighted round robin.
    #[default]
    #[serde(alias = "")]
    Wrr,
    /// The one with fewer requests in flight, of two chosen at random.
    P2c,
    /// The highest random weight: the same server for each client's address.
    Hrw,
    /// The server that has responded soonest and has the fewest requests in flight.
    LeastTime,
}

/// The flushing of what the server sends.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResponseForwarding {
    /// The longest time that a byte waits; less than zero, which is none at all, is read as zero.
    #[serde(deserialize_with = "interval")]
    pub flush_interval: GoDuration,
}

impl ResponseForwarding {
    /// Reads the interval: a number of seconds, or a duration as Go writes it.
    ///
    /// # Errors
    /// It is none.
    pub fn every(interval: &str) -> Result<Self, InvalidDuration> {
        match interval.strip_prefix('-').map(str::parse::<GoDuration>) {
            Some(Ok(_)) => Ok(Self { flush_interval: GoDuration::default() }),
            Some(Err(_)) | None => Ok(Self { flush_interval: interval.parse()? }),
        }
    }
}

fn interval<'de, D: Deserializer<'de>>(deserializer: D) -> Result<GoDuration, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Seconds(i64),
        Text(String),
    }
    let text = match Written::deserialize(deserializer)? {
        Written::Seconds(seconds) => seconds.to_string(),
        Written::Text(text) => text,
    };
    ResponseForwarding::every(&text).map(|every| every.flush_interval).map_err(D::Error::custom)
}

impl Default for ResponseForwarding {
    fn default() -> Self {
        Self { flush_interval: GoDuration::from_millis(100) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn an_interval_below_zero_is_none() {
        for (written, shown) in [("-1", "0s"), ("\"-1ms\"", "0s"), ("\"1s\"", "1s"), ("5", "5s"), ("\"0\"", "0s")] {
            let json = format!("{{\"flushInterval\": {written}}}");
            let read: ResponseForwarding = serde_json::from_str(&json).unwrap();
            assert_eq!(read.flush_interval.to_string(), shown, "{written}");
        }
        assert!(ResponseForwarding::every("-x").is_err() && ResponseForwarding::every("--1s").is_err());
        assert_eq!(serde_json::from_str::<ResponseForwarding>("{}").unwrap(), ResponseForwarding::default());
    }
}
