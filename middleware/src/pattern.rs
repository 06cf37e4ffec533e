//! Regular expressions and replacements in Go's syntax.

use crate::MiddlewareError;
use flow_model::rule::regexp;
use std::sync::LazyLock;

/// A compiled expression.
pub(crate) type Pattern = regex::Regex;

/// Compiles `text`, written for Go.
///
/// # Errors
/// `Pattern` if it is not a regular expression.
pub(crate) fn compile(text: &str) -> Result<Pattern, MiddlewareError> {
    regexp::compile(text).map_err(|source| MiddlewareError::Pattern { pattern: text.to_owned(), source })
}

/// The longest replacement, and the longest result, in bytes: no URI is longer.
const MAX_LENGTH: usize = 64 << 10;

/// The most `$` in a replacement: each may stand for a whole URI.
const MAX_REFERENCES: usize = 100;

/// A replacement in the syntax of the `regex` crate. It is Go's, but for `${…}` around an invalid name: it vanishes
/// in Go, and stays in the crate.
#[derive(Debug)]
pub(crate) struct Replacement(String);

impl Replacement {
    /// Reads `text`, written for Go.
    ///
    /// # Errors
    /// `Invalid` if it is so long that its results would take the memory of all.
    pub(crate) fn new(text: &str) -> Result<Self, MiddlewareError> {
        static NO_NAME: LazyLock<Option<Pattern>> =
            LazyLock::new(|| Pattern::new(r"\$\{[^}]*[^}0-9A-Za-z_][^}]*\}").ok());
        if text.len() > MAX_LENGTH || text.matches('$').count() > MAX_REFERENCES {
            let message = format!("the replacement has more than {MAX_LENGTH} bytes or {MAX_REFERENCES} references");
            return Err(MiddlewareError::Invalid(message));
        }
        Ok(Self(match &*NO_NAME {
            Some(no_name) => no_name.replace_all(text, "").into_owned(),
            None => text.to_owned(),
        }))
    }

    /// Replaces what matches `pattern`; `None` if the result is longer than a URI may be.
    pub(crate) fn replace_all(&self, pattern: &Pattern, text: &str) -> Option<String> {
        let mut result = String::with_capacity(text.len() + self.0.len());
        let mut copied = 0;
        for captures in pattern.captures_iter(text) {
            let found = captures.get_match();
            result.push_str(text.get(copied..found.start())?);
            captures.expand(&self.0, &mut result);
            copied = found.end();
            if result.len() > MAX_LENGTH {
                return None;
            }
        }
        result.push_str(text.get(copied..)?);
        (result.len() <= MAX_LENGTH).then_some(result)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn replacements_name_groups_as_in_go() {
        let pattern = compile("(?P<first>a)(b)").unwrap();
        for (text, wanted) in [("$2${first}", "ba"), ("$2x", ""), ("${2}x", "bx"), ("$$", "$"), ("${a-b}", "")] {
            let replacement = Replacement::new(text).unwrap();
            assert_eq!(replacement.replace_all(&pattern, "-ab-ab").unwrap(), format!("-{wanted}-{wanted}"), "{text}");
        }
    }

    #[test]
    fn results_have_an_end() {
        let each = compile(".").unwrap();
        let all = compile("^(.*)$").unwrap();
        let long = "a".repeat(60_000);
        assert_eq!(Replacement::new("bc").unwrap().replace_all(&each, &long), None);
        assert_eq!(Replacement::new("b").unwrap().replace_all(&each, &long).unwrap(), "b".repeat(60_000));
        assert_eq!(Replacement::new("$1$1").unwrap().replace_all(&all, &long), None);
        for text in ["$1".repeat(101), "b".repeat(70_000)] {
            assert!(Replacement::new(&text).unwrap_err().to_string().contains("65536 bytes or 100 references"));
        }
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        assert!(compile(r"^\d+$").unwrap().is_match("12"));
        assert!(compile("(").unwrap_err().to_string().contains("\"(\""));
    }
}
