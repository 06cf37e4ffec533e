//! The text of `--help`, and the rows of the reference in docs/configuration.md.

mod commands;
mod section;

pub use commands::CERT;
pub(super) use commands::COMMANDS;
pub(super) use section::section;

use super::rows::{Row, rows};
use super::schema::{Mark, Value};
use super::{Settings, nearest};
use std::fmt::Write as _;

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
