//! The documents of one file, read one by one: a broken one does not affect the next.

use super::stray::is_template_text;
use flow_file::nesting;
use serde_json::Value as Json;
use serde_yaml_ng::Value as Yaml;
use thiserror::Error;

/// One document and where it begins.
#[derive(Debug)]
pub(super) struct Document {
    /// Its first line with content, counted from 1.
    pub(super) line: usize,
    /// Its content; never null.
    pub(super) content: Result<Json, DocumentError>,
    /// True if it cannot be read, and has the marks of a template.
    pub(super) is_template: bool,
}

/// The reason why a document cannot be read.
#[derive(Debug, Error)]
pub(super) enum DocumentError {
    #[error("{message}")]
    Syntax {
        /// The line in the file, counted from 1.
        line: usize,
        message: String,
    },
    #[error("a key is neither text nor number nor truth value")]
    Key,
}

impl DocumentError {
    /// Returns the line in the file that it is about.
    pub(super) fn line(&self, document: usize) -> usize {
        match self {
            Self::Syntax { line, .. } => *line,
            Self::Key => document,
        }
    }
}

/// Returns the documents of a YAML stream; JSON is YAML. Empty ones are left out, and a byte order mark at the start.
pub(super) fn documents(text: &str) -> Vec<Document> {
    pieces(text.strip_prefix('\u{feff}').unwrap_or(text))
        .into_iter()
        .filter_map(|(line, piece)| document(line, piece))
        .collect()
}

/// Cuts at the lines that begin with `---`, which YAML allows nowhere inside a document; returns each piece and its
/// first line.
fn pieces(text: &str) -> Vec<(usize, &str)> {
    let mut pieces = Vec::new();
    let (mut begin, mut begin_line, mut offset) = (0, 1, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let marker =
            line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']));
        if marker {
            pieces.push((begin_line, text.get(begin..offset).unwrap_or_default()));
            begin = offset + 3;
            begin_line = number + 1;
        }
        offset += line.len();
    }
    pieces.push((begin_line, text.get(begin..).unwrap_or_default()));
    pieces
}

fn document(first: usize, piece: &str) -> Option<Document> {
    let empty = |line: &str| {
        let line = line.trim();
        line.is_empty() || line.starts_with(['#', '%']) || line == "..."
    };
    let line = first + piece.lines().position(|line| !empty(line))?;
    let content = match nesting::excess(piece) {
        Some(at) => {
            let line = first + piece.bytes().take(at).filter(|byte| *byte == b'\n').count();
            Err(DocumentError::Syntax { line, message: nesting::MESSAGE.to_owned() })
        }
        None => match serde_yaml_ng::from_str::<Yaml>(piece) {
            Ok(Yaml::Null) => return None,
            Ok(mut value) => {
                let merged = value.apply_merge().map_err(|error| syntax(first, line, &error));
                merged.and_then(|()| json(value))
            }
            Err(error) => Err(syntax(first, line, &error)),
        },
    };
    let is_template = content.is_err() && is_template_text(piece);
    Some(Document { line, content, is_template })
}

fn syntax(first: usize, line: usize, error: &serde_yaml_ng::Error) -> DocumentError {
    let text = error.to_string();
    let Some(location) = error.location() else { return DocumentError::Syntax { line, message: text } };
    // The error names a line of the piece; ours is the file's.
    let place = format!(" at line {} column {}", location.line(), location.column());
    let message = text.replace(&place, "");
    DocumentError::Syntax { line: first + location.line().saturating_sub(1), message }
}

/// Converts as Kubernetes' clients do: keys that are not text become text.
fn json(value: Yaml) -> Result<Json, DocumentError> {
    Ok(match value {
        Yaml::Null => Json::Null,
        Yaml::Bool(value) => Json::Bool(value),
        Yaml::Number(number) => number
            .as_i64()
            .map(Json::from)
            .or_else(|| number.as_u64().map(Json::from))
            .or_else(|| number.as_f64().map(Json::from))
            .unwrap_or_default(),
        Yaml::String(text) => Json::String(text),
        Yaml::Sequence(values) => Json::Array(values.into_iter().map(json).collect::<Result<_, _>>()?),
        Yaml::Mapping(fields) => {
            let fields = fields.into_iter().map(|(name, value)| Ok((key(name)?, json(value)?)));
            Json::Object(fields.collect::<Result<_, _>>()?)
        }
        Yaml::Tagged(tagged) => json(tagged.value)?,
    })
}

fn key(name: Yaml) -> Result<String, DocumentError> {
    match name {
        Yaml::String(text) => Ok(text),
        Yaml::Number(number) => Ok(number.to_string()),
        Yaml::Bool(value) => Ok(value.to_string()),
        _ => Err(DocumentError::Key),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::json;

    #[test]
    fn documents_are_cut_and_counted() {
        let text = "# nothing here\n---\na: 1\n--- # note\n\nb: |\n  text\n  --- not a marker\n---\n---\n{\"c\": [true]}\n...\n";
        let read: Vec<_> = documents(text).into_iter().map(|d| (d.line, d.content.unwrap())).collect();
        assert_eq!(
            read,
            [(3, json!({ "a": 1 })), (6, json!({ "b": "text\n--- not a marker\n" })), (11, json!({ "c": [true] })),]
        );
    }

    #[test]
    fn a_broken_document_names_its_line_and_spares_the_others() {
        let read = documents("a: 1\n---\nb: [1,\nc: }\n---\nd: 1\n");
        assert_eq!(read.len(), 3);
        let error = read[1].content.as_ref().unwrap_err();
        assert!((3..=4).contains(&error.line(read[1].line)), "{error:?}");
        assert!(!error.to_string().contains("line 2"), "{error}");
        assert_eq!(read[2].content.as_ref().unwrap(), &json!({ "d": 1 }));
    }

    #[test]
    fn keys_become_text_and_merges_are_applied() {
        let read = documents("8080: a\ntrue: b\nbase: &base {x: 1}\nmore: {<<: *base, y: 2}\n");
        let value = read[0].content.as_ref().unwrap();
        assert_eq!(value["8080"], "a");
        assert_eq!(value["true"], "b");
        assert_eq!(value["more"], json!({ "x": 1, "y": 2 }));
        assert!(matches!(documents("? [a]\n: b\n")[0].content, Err(DocumentError::Key)));
        assert!(documents("a: 1\na: 2\n")[0].content.is_err());
    }
}
