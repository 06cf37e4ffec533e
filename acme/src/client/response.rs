//! Responses of an ACME server as values (RFC 8555 §7.1).

use super::transport::{Reply, problem};
use crate::ca::{Authorization, CaChallenge, CaError, OrderState, Problem, RenewalInfo};
use crate::http01::Method;
use crate::objects::{State, Window};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

#[derive(Deserialize)]
struct Order {
    status: String,
    #[serde(default)]
    authorizations: Vec<String>,
    #[serde(default)]
    finalize: String,
    certificate: Option<String>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Authz {
    identifier: Identifier,
    status: String,
    #[serde(default)]
    wildcard: bool,
    #[serde(default)]
    challenges: Vec<Challenge>,
}

#[derive(Deserialize)]
struct Identifier {
    value: String,
}

#[derive(Deserialize)]
struct Challenge {
    #[serde(rename = "type")]
    kind: String,
    url: String,
    #[serde(default)]
    token: String,
    /// The names by which the CA goes, for a record that names it.
    #[serde(rename = "issuer-domain-names", default)]
    issuers: Vec<String>,
    /// The same in the first drafts.
    #[serde(rename = "issuer-domain-name", default)]
    issuer: Option<String>,
    status: String,
    error: Option<Value>,
}

impl Challenge {
    /// The token; in place of one that it does not have, the names of the CA, divided by spaces.
    fn token(&mut self) -> String {
        if self.kind != Method::DnsPersist01.wire() {
            return std::mem::take(&mut self.token);
        }
        self.issuers.extend(self.issuer.take());
        self.issuers.join(" ")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Renewal {
    suggested_window: Span,
    #[serde(rename = "explanationURL", default)]
    explanation_url: String,
}

#[derive(Deserialize)]
struct Span {
    start: Timestamp,
    end: Timestamp,
}

fn read<T: DeserializeOwned>(what: &str, reply: &Reply) -> Result<T, CaError> {
    serde_json::from_slice(&reply.body).map_err(|error| CaError::Response(format!("{what} that is none: {error}")))
}

fn state(word: &str) -> State {
    match word {
        "pending" => State::Pending,
        "ready" => State::Ready,
        "processing" => State::Processing,
        "valid" => State::Valid,
        "expired" => State::Expired,
        // Revoked and deactivated authorizations prove nothing any more.
        _ => State::Invalid,
    }
}

fn error(value: Option<Value>) -> Option<Problem> {
    let value = value?;
    let status = value.get("status").and_then(Value::as_u64).and_then(|s| u16::try_from(s).ok()).unwrap_or(400);
    problem(value.to_string().as_bytes(), status, None)
}

pub(super) fn order(url: &str, reply: &Reply) -> Result<OrderState, CaError> {
    let order: Order = read("an order", reply)?;
    Ok(OrderState {
        url: url.to_owned(),
        state: state(&order.status),
        authorizations: order.authorizations,
        finalize: order.finalize,
        error: error(order.error),
        retry_after: reply.retry_after(),
    })
}

pub(super) fn certificate_url(reply: &Reply) -> Result<String, CaError> {
    let order: Order = read("an order", reply)?;
    order.certificate.ok_or_else(|| CaError::Response("a valid order without certificate".to_owned()))
}

pub(super) fn authorization(url: &str, reply: &Reply) -> Result<Authorization, CaError> {
    let authz: Authz = read("an authorization", reply)?;
    let challenges = authz.challenges.into_iter().map(|mut challenge| CaChallenge {
        token: challenge.token(),
        kind: challenge.kind,
        url: challenge.url,
        state: state(&challenge.status),
        error: error(challenge.error),
    });
    Ok(Authorization {
        url: url.to_owned(),
        identifier: authz.identifier.value,
        wildcard: authz.wildcard,
        state: state(&authz.status),
        challenges: challenges.collect(),
        retry_after: reply.retry_after(),
    })
}

/// The reason why the server does not accept a challenge.
pub(super) fn challenge_error(reply: &Reply) -> Result<Option<Problem>, CaError> {
    let challenge: Challenge = read("a challenge", reply)?;
    Ok(error(challenge.error))
}

pub(super) fn renewal_info(reply: &Reply, now: Timestamp) -> Result<RenewalInfo, CaError> {
    let renewal: Renewal = read("renewal information", reply)?;
    let Span { start, end } = renewal.suggested_window;
    if end <= start {
        return Err(CaError::Response(format!("a renewal window that ends before it starts, seen at {now}")));
    }
    Ok(RenewalInfo {
        window: Window { start, end },
        explanation: renewal.explanation_url,
        retry_after: reply.retry_after(),
    })
}
