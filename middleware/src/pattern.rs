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

/// A replacement in the syntax of the `regex` crate. It is Go's, but for `${…}` around an invalid name: it vanishes
/// in Go, and stays in the crate.
pub(crate) fn replacement(text: &str) -> String {
    static NO_NAME: LazyLock<Option<Pattern>> = LazyLock::new(|| Pattern::new(r"\$\{[^}]*[^}0-9A-Za-z_][^}]*\}").ok());
    match &*NO_NAME {
        Some(no_name) => no_name.replace_all(text, "").into_owned(),
        None => text.to_owned(),
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
            assert_eq!(pattern.replace_all("ab", &*replacement(text)), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        assert!(compile(r"^\d+$").unwrap().is_match("12"));
        assert!(compile("(").unwrap_err().to_string().contains("\"(\""));
    }
}
