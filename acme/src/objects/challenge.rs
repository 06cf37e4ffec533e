use super::{IssuerRef, Object, Solver, State};
use serde::{Deserialize, Serialize};

/// A `Challenge`: the proof of one name.
pub type Challenge = Object<ChallengeSpec, ChallengeStatus>;

/// What is to be proved, and how.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ChallengeSpec {
    /// Where to say that we are ready.
    pub url: String,
    /// The authorization that it proves.
    #[serde(rename = "authorizationURL")]
    pub authorization_url: String,
    /// The name, without `*.`.
    pub dns_name: String,
    /// It is for a wildcard.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wildcard: bool,
    /// `HTTP-01` or `DNS-01`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The token.
    pub token: String,
    /// The key authorisation: what has to be answered.
    pub key: String,
    /// The solver that was chosen.
    pub solver: Solver,
    /// The account.
    pub issuer_ref: IssuerRef,
}

/// What became of it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ChallengeStatus {
    /// It is being worked on.
    pub processing: bool,
    /// Every replica answers it.
    pub presented: bool,
    /// Why it is so.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// State.
    #[serde(skip_serializing_if = "State::is_unknown")]
    pub state: State,
}
