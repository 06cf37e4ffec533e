use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Guesses the type of answers that have none.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContentType {
    /// Deprecated, without effect.
    pub auto_detect: Option<bool>,
}

/// Translates gRPC-Web.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GrpcWeb {
    /// Origins allowed.
    pub allow_origins: Vec<String>,
}
