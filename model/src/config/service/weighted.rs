//! Other services by weight.

use super::{ChildHealth, Sticky};
use crate::name::Name;
use serde::{Deserialize, Serialize};

/// Other services by weight.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Weighted {
    /// The services.
    pub services: Vec<WeightedService>,
    /// Stickiness: clients stay with the service they got.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sticky: Option<Box<Sticky>>,
    /// Set if services that are down are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<ChildHealth>,
}

/// One of the services that share the requests.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(default)]
pub struct WeightedService {
    /// Its name, as the provider refers to it.
    pub name: Name,
    /// Its weight; `None` is 1, zero or less takes it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<i32>,
}

impl Default for WeightedService {
    /// Returns a service without a name, of weight 1.
    fn default() -> Self {
        Self { name: Name::default(), weight: Some(1) }
    }
}
