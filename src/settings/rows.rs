//! The options as rows, for `--help` and the reference in docs/configuration.md.

use super::schema::{Field, Mark, Shape};
use serde_json::Value as Json;

/// One option in the reference.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Its path: `entryPoints.<name>.address`.
    pub(super) option: String,
    /// Its description.
    pub(super) about: &'static str,
    /// Its default; empty if there is none.
    pub(super) default: String,
    /// True if its group needs it.
    pub(super) required: bool,
    /// True if it has an effect.
    pub(super) served: bool,
}

/// Every option, in the order of the tables.
pub(super) fn rows(shape: Shape) -> Vec<Row> {
    let mut rows = Vec::new();
    if let Shape::Section(fields) = shape {
        fields.iter().for_each(|field| add(&mut rows, field, "", true));
    }
    rows
}

fn add(rows: &mut Vec<Row>, field: &Field, parent: &str, parent_served: bool) {
    let option = if parent.is_empty() { field.key.to_owned() } else { format!("{parent}.{}", field.key) };
    let served = parent_served && field.mark != Mark::Unserved;
    let required = field.mark == Mark::Required;
    let row = |default| Row { option: option.clone(), about: field.about.trim(), default, required, served };
    match field.shape {
        Shape::Section(_) => {}
        Shape::Map(Shape::Section(_)) => {}
        Shape::Map(_) => rows.push(Row { option: format!("{option}.<name>"), ..row(String::new()) }),
        Shape::Sections(_) => {}
        Shape::Optional(_) => rows.push(row("off".to_owned())),
        _ => rows.push(row(plain((field.default)()))),
    }
    let (below, inner) = match field.shape {
        Shape::Map(inner) => (format!("{option}.<name>"), *inner),
        Shape::Sections(inner) => (format!("{option}[n]"), *inner),
        own => (option, own),
    };
    if let Shape::Section(fields) | Shape::Optional(fields) = inner {
        fields.iter().for_each(|field| add(rows, field, &below, served));
    }
}

fn plain(default: Json) -> String {
    match default {
        Json::Null => String::new(),
        Json::String(text) => text,
        Json::Array(items) => items.into_iter().map(plain).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}
