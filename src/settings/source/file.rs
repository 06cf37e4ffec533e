//! Configuration files: YAML and TOML, in the places where Traefik looks.

use crate::settings::mistake::{Findings, Mistake, Origin, Warning};
use crate::settings::node::{Given, Node};
use serde_json::Value as Json;
use std::io;
use std::path::{Path, PathBuf};

/// Reads a file's text; the settings never touch the disk themselves.
pub type ReadFile<'a> = &'a dyn Fn(&Path) -> io::Result<String>;

/// Keys of dynamic configuration, which some users keep in the same file and Traefik skips.
const DYNAMIC: [&str; 4] = ["http", "tcp", "tls", "udp"];

/// The configuration file that counts.
pub(in crate::settings) struct Found {
    pub(in crate::settings) file: PathBuf,
    pub(in crate::settings) text: String,
    /// Files elsewhere that would count without this one.
    pub(in crate::settings) others: Vec<PathBuf>,
}

/// Finds the file: the named one, else the first that exists in Traefik's places.
pub(in crate::settings) fn find(
    named: Option<&Path>,
    variables: &[(String, String)],
    read_file: ReadFile<'_>,
    findings: &mut Findings,
) -> Option<Found> {
    let mut candidates = named.map_or_else(|| candidates(variables), |file| vec![file.to_owned()]).into_iter();
    while let Some(file) = candidates.next() {
        match read_file(&file) {
            Ok(text) => {
                let others = candidates.filter(|other| *other != file && read_file(other).is_ok()).collect();
                return Some(Found { file, text, others });
            }
            Err(error) if named.is_none() && is_absent(&error) => {}
            Err(error) => findings.mistakes.push(Mistake::File { file, problem: error.to_string() }),
        }
    }
    None
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn candidates(variables: &[(String, String)]) -> Vec<PathBuf> {
    let variable = |name: &str| {
        let found = variables.iter().find(|(key, value)| key == name && !value.is_empty());
        found.map(|(_, value)| PathBuf::from(value))
    };
    let folders = [
        Some("/etc/traefik".into()),
        variable("XDG_CONFIG_HOME"),
        variable("HOME").map(|home| home.join(".config")),
        Some(".".into()),
    ];
    let folders = folders.into_iter().flatten();
    folders.flat_map(|folder| ["toml", "yaml", "yml"].map(|kind| folder.join("traefik").with_extension(kind))).collect()
}

/// Reads a file's text into a tree.
pub(in crate::settings) fn read(file: &Path, text: &str, findings: &mut Findings) -> Node {
    let mut tree = Node::root();
    match decode(file, text) {
        Ok(Json::Object(mut content)) => {
            content.retain(|key, _| !is_foreign(file, key, findings));
            add(&mut tree, file, Json::Object(content));
        }
        Ok(_) => {
            let problem = "holds no configuration".to_owned();
            findings.mistakes.push(Mistake::File { file: file.to_owned(), problem });
        }
        Err(problem) => findings.mistakes.push(Mistake::File { file: file.to_owned(), problem }),
    }
    tree
}

/// True for keys at the top that are not settings: dynamic configuration, with a warning, and `x-` keys (YAML anchors).
fn is_foreign(file: &Path, key: &str, findings: &mut Findings) -> bool {
    let dynamic = DYNAMIC.iter().any(|name| key.eq_ignore_ascii_case(name));
    if dynamic {
        findings.warnings.push(Warning::DynamicKey { file: file.to_owned(), key: key.to_owned() });
    }
    dynamic || key.starts_with("x-")
}

fn decode(file: &Path, text: &str) -> Result<Json, String> {
    let kind = file.extension().map(|kind| kind.to_ascii_lowercase());
    match kind.as_ref().and_then(|kind| kind.to_str()) {
        Some("toml") => toml::from_str(text).map_err(|error| error.to_string()),
        Some("yaml" | "yml") => {
            let mut content: serde_yaml_ng::Value = serde_yaml_ng::from_str(text).map_err(|error| error.to_string())?;
            content.apply_merge().map_err(|error| error.to_string())?;
            serde_yaml_ng::from_value(content).map_err(|error| error.to_string())
        }
        _ => Err("the name must end in .toml, .yaml or .yml".to_owned()),
    }
}

/// Adds the content of the file below `node`. As in Traefik, null (`ping:`) has no effect and an empty group turns on.
fn add(node: &mut Node, file: &Path, content: Json) {
    match content {
        Json::Null => {}
        Json::Object(entries) => entries.into_iter().for_each(|(key, value)| descend(node, file, &key, value)),
        Json::Array(items) => {
            let mut texts = Vec::new();
            for (index, item) in items.into_iter().enumerate() {
                match item {
                    Json::Object(_) | Json::Array(_) => descend(node, file, &format!("[{index}]"), item),
                    Json::Null => {}
                    single => texts.push(text(single)),
                }
            }
            if node.children.is_empty() || !texts.is_empty() {
                node.value = Some(Given::List(texts));
            }
        }
        single => node.value = Some(Given::Text(text(single))),
    }
}

fn descend(node: &mut Node, file: &Path, key: &str, value: Json) {
    if value.is_null() {
        return;
    }
    let name = key.strip_prefix('[').map_or_else(|| format!(".{key}"), |_| key.to_owned());
    let key_path = format!("{}{name}", node.path).trim_start_matches('.').to_owned();
    let origin = Origin::File { file: file.to_owned(), key: key_path };
    add(node.child_or_insert(key, &origin), file, value);
}

fn text(single: Json) -> String {
    match single {
        Json::String(text) => text,
        other => other.to_string(),
    }
}
