use crate::crd::service::LoadBalancerSpec;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Answers errors with pages of another service.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ErrorPage {
    /// Statuses and ranges of them.
    pub status: Vec<String>,
    /// Statuses that are told as others.
    pub status_rewrites: BTreeMap<String, u16>,
    /// The service that has the pages.
    pub service: Option<LoadBalancerSpec>,
    /// URL of a page, with {status}, {originalStatus} and {url}.
    pub query: String,
    /// Headers of the request that the service gets; all where absent.
    pub error_request_headers: Option<Vec<String>>,
}
