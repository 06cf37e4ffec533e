use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Translates gRPC-Web.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GrpcWeb {
    /// Origins allowed.
    pub allow_origins: Vec<String>,
}
