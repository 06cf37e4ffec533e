//! The names of matchers, and suggestions for unknown ones.

use super::error::RuleProblem;

/// The names of the matchers of one syntax.
pub(super) struct Names {
    /// All of them, as documented.
    pub(super) known: &'static [&'static str],
    /// Those of the other syntax, for the error message.
    pub(super) foreign: &'static [&'static str],
    /// The name of the other syntax in error messages.
    pub(super) foreign_syntax: &'static str,
}

/// Returns the matcher of a name. Traefik takes it as documented, in lower case, in upper case and as `Hostregexp`.
pub(super) fn resolve(written: &str, names: &Names) -> Result<&'static str, RuleProblem> {
    if let Some(name) = names.known.iter().find(|name| is_variant(written, name)) {
        return Ok(name);
    }
    Err(RuleProblem::UnknownMatcher { name: written.to_owned(), hint: hint(written, names) })
}

fn is_variant(written: &str, name: &str) -> bool {
    if !written.eq_ignore_ascii_case(name) {
        return false;
    }
    let after_first = written.get(1..).unwrap_or_default();
    let upper = |text: &str| !text.bytes().any(|b| b.is_ascii_lowercase());
    let lower = |text: &str| !text.bytes().any(|b| b.is_ascii_uppercase());
    written == name || lower(after_first) || upper(written)
}

fn hint(written: &str, names: &Names) -> String {
    let lower = written.to_ascii_lowercase();
    if matches!(&*lower, "and" | "or" | "not") {
        return "; the operators are `&&`, `||` and `!`".into();
    }
    let distance = |name: &str| strsim::damerau_levenshtein(&lower, &name.to_ascii_lowercase());
    let nearest = names.known.iter().min_by_key(|name| distance(name));
    let foreign = names.foreign.iter().any(|name| is_variant(written, name));
    let near = nearest.filter(|name| foreign || distance(name) <= 1 + name.len() / 4);
    let origin = if foreign { format!(" ({} has one)", names.foreign_syntax) } else { String::new() };
    match near {
        Some(name) => format!("{origin}, did you mean {name}?"),
        None => format!("{origin}, there are {}", names.known.join(", ")),
    }
}
