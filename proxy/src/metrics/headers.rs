//! Labels of the request counters that come from headers of requests (`metrics.prometheus.headerLabels`).

use flow_model::name::Name;
use hashbrown::HashSet;
use http::{HeaderMap, HeaderName};
use parking_lot::RwLock;
use std::fmt;

/// Maximum number of values per label. Clients choose them: without a limit they could fill the memory.
const MAX_VALUES: usize = 100;
/// Maximum length of a value, in bytes.
const MAX_VALUE_LENGTH: usize = 256;
/// Replaces all values beyond those limits.
const OTHER: &str = "other";

/// The headers whose values are labels, in the order of the labels.
pub(crate) struct HeaderLabels(Box<[Label]>);

struct Label {
    header: HeaderName,
    values: RwLock<HashSet<Name, foldhash::fast::RandomState>>,
}

impl fmt::Debug for HeaderLabels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|label| &label.header)).finish()
    }
}

impl HeaderLabels {
    pub(super) fn new(headers: impl IntoIterator<Item = HeaderName>) -> Self {
        Self(headers.into_iter().map(|header| Label { header, values: RwLock::default() }).collect())
    }

    /// The labels' values of a request; empty for a missing header. As in Traefik the first of several lines counts.
    pub(crate) fn values(&self, headers: &HeaderMap) -> Box<[Name]> {
        self.0.iter().map(|label| label.value(headers)).collect()
    }
}

impl Label {
    fn value(&self, headers: &HeaderMap) -> Name {
        let value = headers.get(&self.header).map_or(&b""[..], |value| value.as_bytes());
        if value.len() > MAX_VALUE_LENGTH {
            return Name::from(OTHER);
        }
        let text = String::from_utf8_lossy(value);
        if let Some(known) = self.values.read().get(&*text) {
            return Name::clone(known);
        }
        let mut values = self.values.write();
        if values.len() >= MAX_VALUES && !values.contains(&*text) {
            return Name::from(OTHER);
        }
        let new = Name::from(&*text);
        values.insert(Name::clone(&new));
        new
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn value(labels: &HeaderLabels, value: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert("x-team", value.parse().unwrap());
        headers.append("x-team", "second".parse().unwrap());
        labels.values(&headers)[0].to_string()
    }

    #[test]
    fn clients_cannot_make_values_without_limit() {
        let labels = HeaderLabels::new([HeaderName::from_static("x-team")]);
        assert_eq!(&*labels.values(&HeaderMap::new())[0], "", "the header is missing");
        for number in 0..MAX_VALUES - 1 {
            assert_eq!(value(&labels, &format!("team-{number}")), format!("team-{number}"));
        }
        assert_eq!(value(&labels, "one-more"), OTHER);
        assert_eq!(value(&labels, "team-7"), "team-7", "what is known stays");
        assert_eq!(value(&labels, &"x".repeat(MAX_VALUE_LENGTH + 1)), OTHER);
    }
}
