//! Label selectors as `kubectl -l` writes them, for objects that no API server selects.

use kube::core::{Expression, Selector};

/// The error for a text that is not a label selector.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{part:?} is no condition on a label: write key=value, key!=value, key in (a,b), key notin (a,b), key or !key")]
pub struct SelectorError {
    part: String,
}

/// Reads a label selector as `kubectl -l` writes it; an empty one selects all.
///
/// # Errors
/// The first part that is not a condition.
pub fn label_selector(text: &str) -> Result<Selector, SelectorError> {
    conditions(text).into_iter().map(|part| condition(part.trim())).collect()
}

/// Splits at commas outside of brackets.
fn conditions(text: &str) -> Vec<&str> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    let mut depth = 0_usize;
    text.split(|character| {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && depth == 0
    })
    .collect()
}

fn condition(part: &str) -> Result<Expression, SelectorError> {
    let wrong = || SelectorError { part: part.to_owned() };
    let name = |text: &str| Some(text.trim()).filter(|name| is_name(name)).map(str::to_owned).ok_or_else(wrong);
    let value = |text: &str| Some(text.trim()).filter(|value| value.is_empty() || is_value(value)).map(str::to_owned);
    if let Some((key, rest)) = part.split_once("!=") {
        return Ok(Expression::NotEqual(name(key)?, value(rest).ok_or_else(wrong)?));
    }
    if let Some((key, rest)) = part.split_once('=') {
        let rest = rest.strip_prefix('=').unwrap_or(rest);
        return Ok(Expression::Equal(name(key)?, value(rest).ok_or_else(wrong)?));
    }
    if let Some(list) = part.strip_suffix(')') {
        let (words, values) = list.split_once('(').ok_or_else(wrong)?;
        let values: Option<_> = values.split(',').map(value).collect();
        let values = values.ok_or_else(wrong)?;
        let mut words = words.split_whitespace();
        return match (words.next(), words.next(), words.next()) {
            (Some(key), Some("in"), None) => Ok(Expression::In(name(key)?, values)),
            (Some(key), Some("notin"), None) => Ok(Expression::NotIn(name(key)?, values)),
            _ => Err(wrong()),
        };
    }
    match part.strip_prefix('!') {
        Some(key) => Ok(Expression::DoesNotExist(name(key)?)),
        None => Ok(Expression::Exists(name(part)?)),
    }
}

/// True for a label's key: a name, with or without a domain before it.
fn is_name(text: &str) -> bool {
    let name = text.rsplit_once('/').map_or(text, |(_, name)| name);
    is_value(name) && text.len() <= 317 && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
}

/// True for a label's value: letters and digits at both ends, `-`, `_` and `.` between, 63 characters at most.
fn is_value(text: &str) -> bool {
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.len() <= 63
        && ends(text.chars().next())
        && ends(text.chars().next_back())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use kube::core::SelectorExt as _;

    fn selects(text: &str, labels: &[(&str, &str)]) -> bool {
        let labels = labels.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        label_selector(text).unwrap().matches(&labels)
    }

    #[test]
    fn selectors_are_those_of_kubectl() {
        let labels = [("app", "web"), ("example.com/tier", "a")];
        for text in [
            "",
            " ",
            "app",
            "app=web",
            "app==web",
            "app = web",
            "tier!=x",
            "!other",
            "app in (web, api)",
            "app=web,example.com/tier in (a,b)",
            "other notin (x)",
            "app in (web),!other",
        ] {
            assert!(selects(text, &labels), "{text}");
        }
        for text in ["other", "app=api", "app!=web", "!app", "app in (api)", "app notin (web,api)", "app=web,other"] {
            assert!(!selects(text, &labels), "{text}");
        }
    }

    #[test]
    fn what_is_no_selector_is_named() {
        for text in
            ["app=web,", "a b", "=web", "app=(web)", "app in web", "app in (web", "app within (a)", "app=a=b", "-app"]
        {
            assert!(label_selector(text).is_err(), "{text}");
        }
        let error = label_selector("app=web,tier in a").unwrap_err();
        assert!(error.to_string().starts_with("\"tier in a\" is no condition"), "{error}");
    }
}
