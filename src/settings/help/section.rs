//! A section of the reference: a command, or the options below a path.

use super::commands::COMMANDS;
use super::line;
use crate::settings::mistake::Mistake;
use crate::settings::nearest;
use crate::settings::rows::{Row, rows};
use crate::settings::schema::{Field, Shape, Value};
use crate::settings::{Settings, node};
use std::fmt::Write as _;

/// The text of one section. A path may omit free names (`entryPoints.http.tls`), contain them (`entryPoints.web`), or
/// begin in the middle if no option begins like that (`tls`).
///
/// # Errors
/// [`Mistake::NoSection`] if there is none, with the most similar one.
pub(in crate::settings) fn section(name: &str) -> Result<String, Mistake> {
    if let Some(page) = COMMANDS.iter().find(|page| page.name.eq_ignore_ascii_case(name)) {
        return Ok(page.text.to_owned());
    }
    let wanted = node::parts(name.trim_start_matches('-')).unwrap_or_default();
    let rows = rows(<Settings as Value>::SHAPE);
    let within = |begins: fn(&[&str], &[&str]) -> bool| -> Vec<&Row> {
        rows.iter().filter(|row| node::parts(&row.option).is_some_and(|path| begins(&path, &wanted))).collect()
    };
    let mut found = within(is_below);
    if found.is_empty() {
        found =
            within(|path, wanted| (1..path.len()).any(|from| !is_free(path[from]) && is_below(&path[from..], wanted)));
    }
    if wanted.is_empty() || found.is_empty() {
        return Err(Mistake::NoSection { section: name.to_owned(), nearest: nearest_section(name, &rows) });
    }
    let mut text = String::new();
    if let Some(group) = about(<Settings as Value>::SHAPE, &wanted) {
        let _ = writeln!(text, "{}: {}\n", group.key, group.about.trim());
    }
    found.iter().for_each(|row| line(&mut text, row));
    Ok(text)
}

/// True if a part of a path stands for a user's name, or for an index.
fn is_free(part: &str) -> bool {
    part.starts_with(['<', '['])
}

/// True if `path` begins with `wanted`; free names of the path match any part, and may be left out.
fn is_below(path: &[&str], wanted: &[&str]) -> bool {
    match (path, wanted) {
        (_, []) => true,
        ([], _) => false,
        ([own, path @ ..], [first, rest @ ..]) => {
            own.eq_ignore_ascii_case(first) && is_below(path, rest)
                || is_free(own) && (is_below(path, rest) || is_below(path, wanted))
        }
    }
}

/// The group or option at a path.
fn about(shape: Shape, wanted: &[&str]) -> Option<&'static Field> {
    let fields = match shape {
        Shape::Section(fields) | Shape::Optional(fields) => fields,
        // A free name may be left out.
        Shape::Map(inner) | Shape::Sections(inner) => {
            return about(*inner, wanted).or_else(|| about(*inner, wanted.get(1..)?));
        }
        _ => return None,
    };
    let [first, rest @ ..] = wanted else { return None };
    let field = fields.iter().find(|field| field.key.eq_ignore_ascii_case(first))?;
    if rest.is_empty() { Some(field) } else { about(field.shape, rest) }
}

/// The command or group of options most like `name`, else a path that begins with or contains a similar name.
fn nearest_section(name: &str, rows: &[Row]) -> Option<String> {
    let first = COMMANDS.iter().map(|page| page.name).chain(nearest::roots().map(|field| field.key));
    if let Some(near) = nearest::word(name, first) {
        return Some(near.to_owned());
    }
    let mut known = Vec::new();
    for row in rows {
        let path: Vec<&str> = row.option.split('.').filter(|part| !is_free(part)).collect();
        known.extend((1..=path.len()).map(|length| path[..length].join(".")));
        known.extend(path.iter().map(|&part| part.to_owned()));
    }
    nearest::word(name, known.iter().map(String::as_str)).map(str::to_owned)
}
