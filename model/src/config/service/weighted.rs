//! Other services by weight.

use super::Sticky;
use crate::name::Name;
use serde::{Deserialize, Serialize};

/// Other services by weight.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Weighted {
    /// The services.
    pub services: Vec<WeightedService>,
    /// Stickiness: clients stay with the service they got.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sticky: Option<Box<Sticky>>,
}

/// One service of a weighted one.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(default)]
pub struct WeightedService {
    /// Its name, as the provider refers to it.
    pub name: Name,
    /// Its weight; `None` is 1, zero or less takes it out.
    pub weight: Option<i32>,
}
