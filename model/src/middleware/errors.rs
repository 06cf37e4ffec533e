use crate::is_default;
use crate::name::Name;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Responds to errors with pages of another service.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ErrorPage {
    /// The statuses, and ranges such as `500-599`, that are errors.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<String>,
    /// Statuses, and ranges, that the client sees as others.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub status_rewrites: BTreeMap<String, u16>,
    /// The service that has the pages, as the provider refers to it.
    #[serde(skip_serializing_if = "is_default")]
    pub service: Name,
    /// The page's path and query, with `{status}`, `{originalStatus}` and `{url}`; empty is the root.
    #[serde(skip_serializing_if = "is_default")]
    pub query: String,
    /// The headers of the request that the service gets; `None` is all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_request_headers: Option<Vec<String>>,
}
