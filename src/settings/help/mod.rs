//! The text of `--help`, and the rows of the reference in docs/configuration.md.

mod commands;
mod section;

pub use commands::CERT;
pub(super) use commands::COMMANDS;
pub(super) use section::section;

use super::schema::{Field, Mark, Shape, Value};
use super::{Settings, nearest};
use serde_json::Value as Json;
use std::fmt::Write as _;

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

/// The whole text of `--help`: its sections, then every option.
pub(super) fn text() -> String {
    let mut text = format!("{INTRODUCTION}\nCommands:\n  (none)       serve\n");
    for page in &COMMANDS {
        let _ = writeln!(text, "  {:11}  {}", page.name, page.about);
    }
    text.push_str("\nSections of options (flow-proxy --help SECTION prints one, also of what is below: --help entryPoints.http.tls):\n");
    for field in nearest::roots().filter(|field| field.mark != Mark::Unserved) {
        let _ = writeln!(text, "  {:21}  {}", field.key, field.about.trim());
    }
    text.push_str(WRITING);
    let mut group = "";
    let rows = rows(<Settings as Value>::SHAPE);
    for row in &rows {
        let root = row.option.split('.').next().unwrap_or_default();
        if root != group {
            group = root;
            let _ = write!(text, "\n{root}\n");
        }
        line(&mut text, row);
    }
    text
}

/// Appends one option with its description, default and marks.
fn line(text: &mut String, row: &Row) {
    let default = match row.default.as_str() {
        _ if row.required => " (required)".to_owned(),
        "" => String::new(),
        default => format!(" (default: {default})"),
    };
    let note = if row.served { "" } else { " (accepted, not served yet)" };
    let _ = writeln!(text, "  --{}  {}{default}{note}", row.option, row.about);
}

/// The beginning of the whole text.
const INTRODUCTION: &str = "\
flow-proxy: a Kubernetes ingress controller that reads what Traefik's users write

Usage: flow-proxy [COMMAND] [--option=value ...]
       flow-proxy --help [SECTION]
";

/// The text above the options.
const WRITING: &str = "
Configuration comes from one place: a file, else the flags, else the environment.
  file         --configFile=FILE, else traefik.toml, .yaml or .yml in /etc/traefik, $XDG_CONFIG_HOME, $HOME/.config, .
  flags        --entryPoints.web.address=:80; case does not matter; --ping alone means true; lists take commas
  environment  TRAEFIK_ENTRYPOINTS_WEB_ADDRESS=:80
Durations are seconds (90) or Go's (1m30s). <name> is a name of your choice, [n] a number from 0.
";
