//! Lets only some clients pass (`ipAllowList`).

use crate::address::{Networks, Strategy};
use crate::flow::Flow;
use crate::{Exchange, MiddlewareError, response};
use flow_model::middleware as spec;
use http::StatusCode;

/// Lets only clients of its networks pass.
#[derive(Debug)]
pub struct IpAllowList {
    networks: Networks,
    strategy: Strategy,
    reject: StatusCode,
}

impl IpAllowList {
    pub(crate) fn new(spec: &spec::IpAllowList) -> Result<Self, MiddlewareError> {
        if spec.source_range.is_empty() {
            return Err(MiddlewareError::Missing { field: "sourceRange" });
        }
        let status = match spec.reject_status_code {
            None | Some(0) => 403,
            Some(status) => status,
        };
        let reject = StatusCode::from_u16(status).ok().filter(|status| !response::text(*status).is_empty());
        Ok(Self {
            networks: Networks::new(&spec.source_range)?,
            strategy: Strategy::new(spec.ip_strategy.as_ref())?,
            reject: reject.ok_or(MiddlewareError::Status(status))?,
        })
    }

    pub(crate) fn on_request(&self, exchange: &Exchange) -> Flow {
        match self.strategy.client(exchange).address() {
            Some(address) if self.networks.contains(address) => Flow::Pass,
            _ => Flow::respond(response::status_text(self.reject)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use crate::testing::{chain, compile, exchange, from, ok, passes, run, text, with};

    #[tokio::test]
    async fn lets_its_networks_pass_and_tells_the_others_the_status() {
        let here = chain(&[r#"{"ipAllowList": {"sourceRange": ["10.0.0.0/8", "127.0.0.1"]}}"#]);
        assert!(passes(&here, &mut exchange("GET", "/")).await);
        let elsewhere = chain(&[r#"{"ipAllowList": {"sourceRange": ["10.0.0.0/8"], "rejectStatusCode": 404}}"#]);
        let response = run(&elsewhere, &mut with(exchange("GET", "/"), &[("x-forwarded-for", "10.0.0.1")]), ok).await;
        assert_eq!(response.status(), 404);
        assert!(response.headers().is_empty());
        assert_eq!(text(response).await, "Not Found");
    }

    #[tokio::test]
    async fn looks_where_the_strategy_says() {
        let chain = chain(&[r#"{"ipAllowList": {"sourceRange": ["10.0.0.0/8"], "ipStrategy": {"depth": 1}}}"#]);
        for (forwarded_for, allowed) in [("10.1.1.1", true), ("10.1.1.1:99", true), ("1.1.1.1", false), ("x", false)] {
            let mut exchange = with(exchange("GET", "/"), &[("x-forwarded-for", forwarded_for)]);
            assert_eq!(passes(&chain, &mut exchange).await, allowed, "{forwarded_for}");
        }
        assert!(!passes(&chain, &mut exchange("GET", "/")).await);
    }

    #[tokio::test]
    async fn a_client_without_hops_is_its_own_address_and_a_proxy_without_hops_is_nobody() {
        let chain = chain(&[
            r#"{"ipAllowList": {"sourceRange": ["10.0.0.0/8"], "ipStrategy": {"excludedIPs": ["10.9.0.0/16"]}}}"#,
        ]);
        for (peer, forwarded_for, allowed) in [
            ("10.1.1.1:1", None, true),
            ("192.0.2.1:1", None, false),
            ("10.9.0.1:1", None, false),
            ("10.9.0.1:1", Some("10.1.1.1"), true),
            ("10.9.0.1:1", Some("10.9.0.2"), false),
            ("10.9.0.1:1", Some("192.0.2.1"), false),
            ("10.9.0.1:1", Some(", ,"), false),
        ] {
            let mut exchange = from(peer, "GET", "/");
            if let Some(forwarded_for) = forwarded_for {
                exchange = with(exchange, &[("x-forwarded-for", forwarded_for)]);
            }
            assert_eq!(passes(&chain, &mut exchange).await, allowed, "{peer} {forwarded_for:?}");
        }
    }

    #[test]
    fn refuses_what_does_not_hold() {
        for spec in [
            r#"{"ipAllowList": {}}"#,
            r#"{"ipAllowList": {"sourceRange": ["10.0.0.0/8 "]}}"#,
            r#"{"ipAllowList": {"sourceRange": ["10.0.0.0/8"], "rejectStatusCode": 599}}"#,
        ] {
            assert!(compile(spec).is_err(), "{spec}");
        }
    }
}
