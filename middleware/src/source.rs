//! The source of a request, for middlewares that count (`sourceCriterion`).

use crate::address::{Client, Strategy, without_port};
use crate::{Exchange, MiddlewareError};
use flow_model::middleware::SourceCriterion;
use hashbrown::Equivalent;
use http::header::HeaderName;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;

/// The property of a request that identifies its source.
#[derive(Debug)]
pub(crate) enum Criterion {
    /// The client's address.
    Address(Strategy),
    /// A header's first value.
    Header(HeaderName),
    /// `Host`, without its port; letter case does not matter.
    Host,
}

impl Criterion {
    /// # Errors
    /// `Exclusive` if more than one criterion is set; otherwise the error of the one that is invalid.
    pub(crate) fn new(spec: Option<&SourceCriterion>) -> Result<Self, MiddlewareError> {
        let Some(spec) = spec else { return Ok(Self::Address(Strategy::new(None)?)) };
        let header = &spec.request_header_name;
        match (&spec.ip_strategy, header.is_empty(), spec.request_host) {
            (strategy, true, false) => Ok(Self::Address(Strategy::new(strategy.as_ref())?)),
            (None, false, false) => match HeaderName::try_from(header) {
                Ok(name) => Ok(Self::Header(name)),
                Err(_) => Err(MiddlewareError::HeaderName(header.clone())),
            },
            (None, true, true) => Ok(Self::Host),
            _ => Err(MiddlewareError::Exclusive("ipStrategy, requestHeaderName and requestHost")),
        }
    }

    /// The source of `exchange`.
    pub(crate) fn source<'a>(&self, exchange: &'a Exchange) -> Client<'a> {
        match self {
            Self::Address(strategy) => strategy.source(exchange),
            Self::Header(name) => {
                let value =
                    exchange.head.headers.get(name).and_then(|value| std::str::from_utf8(value.as_bytes()).ok());
                Client::Text(value.unwrap_or_default())
            }
            Self::Host => {
                let host = exchange.host();
                Client::Host(without_port(host).unwrap_or(host).trim_matches(['[', ']']).trim_end_matches('.'))
            }
        }
    }
}

/// A source as middlewares keep it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Source {
    Address(IpAddr),
    Text(Box<str>),
    Host(Box<str>),
}

impl From<Client<'_>> for Source {
    fn from(client: Client<'_>) -> Self {
        match client {
            Client::Address(address) => Self::Address(address),
            Client::Text(text) => Self::Text(text.into()),
            Client::Host(host) => Self::Host(host.into()),
        }
    }
}

impl Equivalent<Source> for Client<'_> {
    fn equivalent(&self, key: &Source) -> bool {
        match (self, key) {
            (Self::Address(a), Source::Address(b)) => a == b,
            (Self::Text(a), Source::Text(b)) => **a == **b,
            (Self::Host(a), Source::Host(b)) => a.eq_ignore_ascii_case(b),
            _ => false,
        }
    }
}

impl Hash for Source {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Address(address) => Client::Address(*address).hash(state),
            Self::Text(text) => Client::Text(text).hash(state),
            Self::Host(host) => Client::Host(host).hash(state),
        }
    }
}

// Both forms hash alike, so that a look-up does not allocate.
impl Hash for Client<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Client::Address(address) => address.hash(state),
            Client::Text(text) => text.hash(state),
            Client::Host(host) => host.bytes().for_each(|byte| state.write_u8(byte.to_ascii_lowercase())),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::testing::{exchange, with};

    fn criterion(spec: &str) -> Result<Criterion, MiddlewareError> {
        Criterion::new(Some(&serde_json::from_str(spec).unwrap()))
    }

    #[test]
    fn sources_are_what_the_criterion_says() {
        let exchange = with(exchange("GET", "/"), &[("x-user", "ann"), ("x-user", "bob")]);
        for (spec, wanted) in [
            ("{}", Client::Address("127.0.0.1".parse().unwrap())),
            (r#"{"requestHost": true}"#, Client::Host("example.test")),
            (r#"{"requestHeaderName": "X-User"}"#, Client::Text("ann")),
            (r#"{"requestHeaderName": "X-None"}"#, Client::Text("")),
        ] {
            assert_eq!(criterion(spec).unwrap().source(&exchange), wanted, "{spec}");
        }
    }

    #[test]
    fn criteria_exclude_each_other() {
        for spec in [
            r#"{"requestHost": true, "requestHeaderName": "X"}"#,
            r#"{"requestHost": true, "ipStrategy": {}}"#,
            r#"{"ipStrategy": {}, "requestHeaderName": "X"}"#,
            r#"{"requestHeaderName": "not a name"}"#,
        ] {
            assert!(criterion(spec).is_err(), "{spec}");
        }
    }
}
