//! Spellings of header names that HTTP/1.1 backends see as an operator wrote them.

use crate::title_case;
use http::HeaderName;
use std::sync::Arc;

/// In a request's extensions: headers whose names keep the spelling of the configuration towards HTTP/1.1 backends, as
/// `headerField` of basicAuth and digestAuth does in Traefik. All others are sent in title case.
#[derive(Clone, Debug, Default)]
pub struct Spellings(Arc<[(HeaderName, Box<str>)]>);

impl Spellings {
    /// These, and `name` spelt as `spelt`.
    #[must_use]
    pub fn with(&self, name: &HeaderName, spelt: &str) -> Self {
        let others = self.0.iter().filter(|(known, _)| known != name).cloned();
        Self(others.chain([(name.clone(), Box::from(spelt))]).collect())
    }

    /// The spelling of `name`, if it has one of its own.
    #[must_use]
    pub fn of(&self, name: &HeaderName) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, spelt)| &**spelt)
    }
}

/// True if `spelt` is not the title case that `name` has anyway.
pub(crate) fn is_unusual(name: &HeaderName, spelt: &str) -> bool {
    let mut usual = Vec::with_capacity(spelt.len());
    title_case(name, &mut usual);
    usual != spelt.as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_spelling_of_a_name_counts() {
        let (user, group) = (HeaderName::from_static("x-webauth-user"), HeaderName::from_static("x-webauth-group"));
        let spellings = Spellings::default().with(&user, "X-WEBAUTH-USER").with(&user, "X-WebAuth-User");
        assert_eq!((spellings.of(&user), spellings.of(&group)), (Some("X-WebAuth-User"), None));
        assert!(is_unusual(&user, "X-WebAuth-User") && !is_unusual(&user, "X-Webauth-User"));
    }
}
