use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeMap;

/// Header fields by name, in the order of their names: thousands of objects have one or two of them each.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(with = "BTreeMap<String, String>"))]
#[serde(from = "BTreeMap<Box<str>, Box<str>>")]
pub struct HeaderFields(Box<[(Box<str>, Box<str>)]>);

impl HeaderFields {
    /// True if there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of the field with this very name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let index = self.0.binary_search_by(|(known, _)| (**known).cmp(name)).ok()?;
        self.0.get(index).map(|(_, value)| &**value)
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }
}

impl From<BTreeMap<Box<str>, Box<str>>> for HeaderFields {
    fn from(fields: BTreeMap<Box<str>, Box<str>>) -> Self {
        Self(fields.into_iter().collect())
    }
}

impl Serialize for HeaderFields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn fields_are_a_map_in_the_order_of_their_names() {
        let fields: HeaderFields = serde_json::from_str(r#"{"X-B": "2", "X-A": "", "x-a": "3"}"#).unwrap();
        assert_eq!(serde_json::to_string(&fields).unwrap(), r#"{"X-A":"","X-B":"2","x-a":"3"}"#);
        assert_eq!((fields.get("X-B"), fields.get("X-A"), fields.get("X-C")), (Some("2"), Some(""), None));
        assert!(serde_json::from_str::<HeaderFields>(r#"["X-A"]"#).is_err());
    }
}
