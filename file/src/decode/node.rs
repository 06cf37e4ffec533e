//! The content of a file as a tree of texts, as Traefik's decoder sees it.

use super::position::{Place, place_at};
use crate::nesting;
use serde::Deserialize as _;
use serde_yaml_ng::Value as Yaml;

/// A value: one text, a list or a group. Null is left out, as in Traefik.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Node {
    /// One value as text, whatever it was written as.
    Scalar(String),
    /// A list.
    List(Vec<Self>),
    /// A group by key, in the order of the keys.
    Map(Vec<(String, Self)>),
}

/// The language of a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Format {
    /// TOML 1.
    Toml,
    /// YAML 1.2.
    Yaml,
}

/// The reason why a text is not what its format says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct SyntaxError {
    pub(super) place: Option<Place>,
    pub(super) message: String,
}

/// The content of a text, and what it holds besides.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) root: Node,
    /// True if more documents follow, which Traefik does not read.
    pub(super) has_more: bool,
}

impl Node {
    /// Reads a text.
    pub(super) fn read(text: &str, format: Format) -> Result<Content, SyntaxError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match format {
            Format::Toml => {
                let table: toml::Table = toml::from_str(text).map_err(|error| SyntaxError {
                    place: error.span().map(|span| place_at(text, span.start)),
                    message: error.message().to_owned(),
                })?;
                let root = of_toml(toml::Value::Table(table)).map_err(unplaced)?;
                Ok(Content { root, has_more: false })
            }
            Format::Yaml => {
                if let Some(at) = nesting::excess(text) {
                    return Err(SyntaxError { place: Some(place_at(text, at)), message: nesting::MESSAGE.to_owned() });
                }
                let mut documents = serde_yaml_ng::Deserializer::from_str(text);
                let first = documents.next().map_or(Ok(Yaml::Null), Yaml::deserialize);
                let mut first = first.map_err(|error| yaml_error(&error))?;
                first.apply_merge().map_err(|error| yaml_error(&error))?;
                let root = of_yaml(first).map_err(unplaced)?.unwrap_or(Self::Map(Vec::new()));
                Ok(Content { root, has_more: documents.next().is_some() })
            }
        }
    }

    /// The entries of a group.
    pub(super) fn entries(&self) -> &[(String, Self)] {
        match self {
            Self::Map(entries) => entries,
            Self::List(_) | Self::Scalar(_) => &[],
        }
    }

    /// The value of a key in any case.
    pub(super) fn entry_mut(&mut self, key: &str) -> Option<&mut Self> {
        let Self::Map(entries) = self else { return None };
        entries.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value)
    }

    /// Takes a key in any case out of a group.
    pub(super) fn take(&mut self, key: &str) -> Option<Self> {
        let Self::Map(entries) = self else { return None };
        let at = entries.iter().position(|(name, _)| name.eq_ignore_ascii_case(key))?;
        Some(entries.remove(at).1)
    }

    /// The text of a single value.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Scalar(text) => Some(text),
            Self::List(_) | Self::Map(_) => None,
        }
    }
}

fn unplaced(message: &str) -> SyntaxError {
    SyntaxError { place: None, message: message.to_owned() }
}

fn yaml_error(error: &serde_yaml_ng::Error) -> SyntaxError {
    let text = error.to_string();
    let Some(at) = error.location() else { return SyntaxError { place: None, message: text } };
    let place = Place { line: at.line(), column: at.column() };
    let message = text.replace(&format!(" at line {} column {}", place.line, place.column), "");
    SyntaxError { place: Some(place), message }
}

const NO_ITEM: &str = "a list has an empty item";
const NO_KEY: &str = "a key is neither text nor number nor truth value";
const DATE: &str = "a date has no meaning here: write it in quotes";

fn of_yaml(value: Yaml) -> Result<Option<Node>, &'static str> {
    Ok(Some(match value {
        Yaml::Null => return Ok(None),
        Yaml::Bool(value) => Node::Scalar(value.to_string()),
        Yaml::Number(number) if number.is_f64() => Node::Scalar(float(number.as_f64().unwrap_or_default())),
        Yaml::Number(number) => Node::Scalar(number.to_string()),
        Yaml::String(text) => Node::Scalar(text),
        Yaml::Sequence(items) => {
            let items = items.into_iter().map(|item| of_yaml(item)?.map(trimmed).ok_or(NO_ITEM));
            Node::List(items.collect::<Result<_, _>>()?)
        }
        Yaml::Mapping(entries) => {
            let mut group = Vec::with_capacity(entries.len());
            for (key, value) in entries {
                let key = match key {
                    Yaml::String(text) => text,
                    Yaml::Number(number) => number.to_string(),
                    Yaml::Bool(value) => value.to_string(),
                    _ => return Err(NO_KEY),
                };
                group.extend(of_yaml(value)?.map(|value| (key, value)));
            }
            sorted(group)
        }
        Yaml::Tagged(tagged) => return of_yaml(tagged.value),
    }))
}

fn of_toml(value: toml::Value) -> Result<Node, &'static str> {
    Ok(match value {
        toml::Value::String(text) => Node::Scalar(text),
        toml::Value::Integer(number) => Node::Scalar(number.to_string()),
        toml::Value::Float(number) => Node::Scalar(float(number)),
        toml::Value::Boolean(value) => Node::Scalar(value.to_string()),
        toml::Value::Datetime(_) => return Err(DATE),
        toml::Value::Array(items) => {
            Node::List(items.into_iter().map(|item| of_toml(item).map(trimmed)).collect::<Result<_, _>>()?)
        }
        toml::Value::Table(entries) => {
            let entries = entries.into_iter().map(|(key, value)| of_toml(value).map(|value| (key, value)));
            sorted(entries.collect::<Result<_, _>>()?)
        }
    })
}

/// An item of a list: a text loses the space around it (paerser).
fn trimmed(item: Node) -> Node {
    match item {
        Node::Scalar(text) => Node::Scalar(text.trim().to_owned()),
        other => other,
    }
}

fn sorted(mut entries: Vec<(String, Node)>) -> Node {
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    Node::Map(entries)
}

/// Six decimals, none if all are zero (paerser).
fn float(number: f64) -> String {
    let text = format!("{number:.6}");
    text.strip_suffix(".000000").map(str::to_owned).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn both_languages_give_the_same_tree() {
        let yaml = "\u{feff}b: [1, 2.0, 2.5, true, x]\na: {8080: y, null: z, gone: ~}\nbase: &base {k: v}\nmore: {<<: *base}\n";
        let yaml = yaml.replace(", null: z", "");
        let toml = "b = [1, 2.0, 2.5, true, 'x']\n[a]\n8080 = 'y'\n[base]\nk = 'v'\n[more]\nk = 'v'\n";
        let yaml = Node::read(&yaml, Format::Yaml).unwrap();
        assert_eq!(yaml.root, Node::read(toml, Format::Toml).unwrap().root);
        assert!(!yaml.has_more);
        let texts = ["1", "2", "2.500000", "true", "x"].map(|text| Node::Scalar(text.to_owned()));
        assert_eq!(yaml.root.entries()[1], ("b".to_owned(), Node::List(texts.into())));
    }

    #[test]
    fn what_cannot_be_read_names_its_place() {
        for (text, format, line) in [
            ("a: 1\nb: [1,\nc: }\n", Format::Yaml, Some(3)),
            ("a: 1\na: 2\n", Format::Yaml, Some(1)),
            ("a = 1\nb = [1\nc = 2\n", Format::Toml, Some(3)),
            ("a: [~]", Format::Yaml, None),
            ("? [a]\n: b", Format::Yaml, None),
            ("a = 2020-01-01", Format::Toml, None),
        ] {
            let error = Node::read(text, format).unwrap_err();
            assert_eq!(error.place.map(|place| place.line), line, "{text}: {error:?}");
            assert!(!error.message.contains(" line "), "{error:?}");
        }
        assert_eq!(Node::read("", Format::Yaml).unwrap().root, Node::Map(Vec::new()));
        assert!(Node::read("a: 1\n---\nb: 2\n", Format::Yaml).unwrap().has_more);
    }
}
