use super::{IssuerRef, Object};
use flow_model::duration::GoDuration;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// An `Order` at an ACME server.
pub type Order = Object<OrderSpec, OrderStatus>;

/// What is ordered.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct OrderSpec {
    /// The signing request: PEM in base64.
    pub request: String,
    /// The account.
    pub issuer_ref: IssuerRef,
    /// Common name, if the request has one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub common_name: String,
    /// DNS names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns_names: Vec<String>,
    /// Addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ip_addresses: Vec<String>,
    /// Life time asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<GoDuration>,
    /// Profile.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub profile: String,
    /// The certificate that it replaces (RFC 9773 §4.1).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub replaces: String,
}

/// State of an order, a challenge or an authorization; empty before the CA has spoken.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The CA has not spoken.
    #[default]
    #[serde(rename = "")]
    Unknown,
    /// Done.
    Valid,
    /// All authorizations are done.
    Ready,
    /// Waits for us.
    Pending,
    /// Waits for the CA.
    Processing,
    /// Failed at the CA.
    Invalid,
    /// Too late.
    Expired,
    /// Failed here, or refused.
    Errored,
}

impl State {
    /// True if the state is an end: nothing will change it.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Valid | Self::Invalid | Self::Expired | Self::Errored)
    }

    /// True if it ended without success.
    #[must_use]
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Invalid | Self::Expired | Self::Errored)
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(crate) fn is_unknown(&self) -> bool {
        *self == Self::Unknown
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "",
            Self::Valid => "valid",
            Self::Ready => "ready",
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Invalid => "invalid",
            Self::Expired => "expired",
            Self::Errored => "errored",
        })
    }
}

/// What became of an order.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct OrderStatus {
    /// The order at the CA: written before anything else is done with it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub url: String,
    /// Where the signing request goes.
    #[serde(rename = "finalizeURL", skip_serializing_if = "String::is_empty")]
    pub finalize_url: String,
    /// What must be proved.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authorizations: Vec<OrderAuthorization>,
    /// The chain: PEM in base64.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub certificate: String,
    /// State.
    #[serde(skip_serializing_if = "State::is_unknown")]
    pub state: State,
    /// Why it is so.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// When it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_time: Option<Timestamp>,
}

/// An authorization of an order. Without an identifier it has not been fetched yet.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct OrderAuthorization {
    /// Where it is.
    pub url: String,
    /// The name to prove, without `*.`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub identifier: String,
    /// It is for a wildcard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wildcard: Option<bool>,
    /// Its state when the order was new.
    #[serde(skip_serializing_if = "State::is_unknown")]
    pub initial_state: State,
    /// The ways to prove it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub challenges: Vec<OrderChallenge>,
}

/// One way to prove a name.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OrderChallenge {
    /// Where to say that we are ready.
    pub url: String,
    /// The token.
    #[serde(default)]
    pub token: String,
    /// `http-01`, `dns-01`, `tls-alpn-01`.
    #[serde(rename = "type")]
    pub kind: String,
}
