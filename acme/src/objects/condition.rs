use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The status of a condition.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub enum ConditionStatus {
    /// The condition holds.
    True,
    /// The condition does not hold.
    False,
    /// Not known.
    #[default]
    Unknown,
}

/// A condition of an object, as Kubernetes writes it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// `Ready`, `Issuing`, `Approved`…
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it holds.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub status: ConditionStatus,
    /// When `status` last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Timestamp>,
    /// One word.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// For people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The generation of the object that it speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// Returns the condition of a kind.
#[must_use]
pub fn condition<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|c| c.kind == kind)
}

/// Sets a condition. Its transition time changes only when its status does.
pub fn set_condition(
    conditions: &mut Vec<Condition>,
    kind: &str,
    status: ConditionStatus,
    reason: &str,
    message: impl Into<String>,
    generation: Option<i64>,
    now: Timestamp,
) {
    let mut wanted = Condition {
        kind: kind.to_owned(),
        status,
        last_transition_time: Some(now),
        reason: reason.to_owned(),
        message: message.into(),
        observed_generation: generation,
    };
    match conditions.iter_mut().find(|c| c.kind == kind) {
        Some(present) => {
            if present.status == status && present.last_transition_time.is_some() {
                wanted.last_transition_time = present.last_transition_time;
            }
            *present = wanted;
        }
        None => conditions.push(wanted),
    }
}

/// Replaces the condition of this kind, or adds it.
pub(crate) fn put_condition(conditions: &mut Vec<Condition>, wanted: Condition) {
    match conditions.iter_mut().find(|present| present.kind == wanted.kind) {
        Some(present) => *present = wanted,
        None => conditions.push(wanted),
    }
}
