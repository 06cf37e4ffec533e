//! Templates of version 2: text with variables `{name}` or `{name:pattern}`, made into an anchored regular expression.

use super::error::{RuleError, RuleProblem};

/// The subject of the template: decides what a variable without a pattern matches, and whether the end is anchored.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Host,
    Path,
    PathPrefix,
    Query,
}

/// Returns the regular expression of a template, in Go's syntax.
pub(super) fn regexp(template: &str, kind: Kind, at: usize) -> Result<String, RuleError> {
    let default = match kind {
        Kind::Host => "[^.]+",
        Kind::Path | Kind::PathPrefix => "[^/]+",
        Kind::Query => ".*",
    };
    // Hosts have no case; the pattern's author may not have thought of that.
    let mut out = String::from(if kind == Kind::Host { "(?i)^" } else { "^" });
    let mut rest = template;
    while let Some(start) = rest.find(['{', '}']) {
        let (before, from_brace) = rest.split_at(start);
        let length = variable_length(from_brace)
            .ok_or_else(|| RuleError::new(at, RuleProblem::TemplateBraces { value: template.to_owned() }))?;
        let (variable, after) = from_brace.split_at(length);
        let inner = variable.get(1..length - 1).unwrap_or_default();
        let (name, pattern) = inner.split_once(':').unwrap_or((inner, default));
        if name.is_empty() || pattern.is_empty() {
            return Err(RuleError::new(at, RuleProblem::TemplateVariable { variable: variable.to_owned() }));
        }
        out.push_str(&regex::escape(before));
        out.push_str("(?:");
        out.push_str(pattern);
        out.push(')');
        rest = after;
    }
    out.push_str(&regex::escape(rest));
    if kind == Kind::Query && template.is_empty() {
        out.push_str(default);
    }
    if kind != Kind::PathPrefix {
        out.push('$');
    }
    Ok(out)
}

/// Returns the length of the variable that `text` starts with, nested braces included.
fn variable_length(text: &str) -> Option<usize> {
    let mut level = 0_usize;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => level += 1,
            b'}' => level = level.checked_sub(1)?,
            _ => {}
        }
        if level == 0 {
            return Some(index + 1);
        }
    }
    None
}
