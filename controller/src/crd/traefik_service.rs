//! TraefikService: a service made of others.

use super::fields::shape;
use super::service::{LoadBalancerSpec, Sticky};
use super::spec::{Named, Spec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::LazyLock;

/// A service made of others: exactly one of these.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TraefikServiceSpec {
    /// Several by weight.
    pub weighted: Option<Weighted>,
    /// One, with copies of its requests to others.
    pub mirroring: Option<Box<Mirroring>>,
    /// The one of several that the client's address hashes to.
    pub highest_random_weight: Option<HighestRandomWeight>,
    /// One, or another where it fails.
    pub failover: Option<Box<Failover>>,
}

impl Spec for TraefikServiceSpec {
    const KIND: &'static str = "TraefikService";
    const PLURAL: &'static str = "traefikservices";

    fn named(&self) -> Vec<Named<'_>> {
        Vec::new()
    }

    fn fields() -> &'static Value {
        static FIELDS: LazyLock<Value> = LazyLock::new(shape::<TraefikServiceSpec>);
        &FIELDS
    }
}

/// Several services by weight.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct Weighted {
    /// The services.
    pub services: Vec<LoadBalancerSpec>,
    /// Clients stay with the service they got.
    pub sticky: Option<Sticky>,
}

/// The one of several services that the client's address hashes to.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct HighestRandomWeight {
    /// The services.
    pub services: Vec<LoadBalancerSpec>,
}

/// A service, with copies of its requests to others.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mirroring {
    /// The service that answers.
    #[serde(flatten)]
    pub service: LoadBalancerSpec,
    /// Copies have the request's body; true where absent.
    #[serde(default)]
    pub mirror_body: Option<bool>,
    /// Requests with a longer body are not copied, in bytes; no limit where absent or -1.
    #[serde(default)]
    pub max_body_size: Option<i64>,
    /// The services that get copies.
    #[serde(default)]
    pub mirrors: Vec<Mirror>,
}

/// A service that gets copies of requests.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Mirror {
    /// The service.
    #[serde(flatten)]
    pub service: LoadBalancerSpec,
    /// The share of requests, in percent.
    #[serde(default)]
    pub percent: i32,
}

/// A service, or another where it fails.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Failover {
    /// The service.
    pub service: LoadBalancerSpec,
    /// The other one.
    pub fallback: LoadBalancerSpec,
    /// The responses that are failures.
    pub errors: Option<FailoverErrors>,
}

/// The responses that are failures.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FailoverErrors {
    /// Statuses and ranges such as 500-504.
    pub status: Vec<String>,
    /// The longest body of a request, in bytes; no limit where absent or -1.
    pub max_request_body_bytes: Option<i64>,
}
