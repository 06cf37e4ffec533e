//! Annotations as a tree of options, read as Traefik reads them (`paerser`): names in any case, later keys win.

use super::foreign::hint;
use crate::view::annotations::{Annotations, PREFIX};
use regex::Regex;
use std::sync::LazyLock;

/// An index within a key, such as `domains.0.main`: Traefik writes it as `domains[0].main` before it sorts the keys.
static INDEX: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^(.+)\.([0-9A-Za-z_]+)\.([0-9]+)\.(.+)$").ok());

/// An annotation that is not an option, or has an invalid value. It disables the whole object, as in Traefik.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum InvalidOption {
    /// There is no such option.
    #[error("annotation {0}: there is no such option{hint}", hint = hint(.0))]
    Unknown(String),
    /// The key has an empty part, or brackets at a wrong place.
    #[error("annotation {0}: this is not the name of an option")]
    Name(String),
    /// The value is not a boolean.
    #[error("annotation {0}: {1:?} is neither true nor false")]
    Bool(String, String),
    /// The value is not a number.
    #[error("annotation {0}: {1:?} is not a number")]
    Number(String, String),
}

/// An option: its value, or further ones below it.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// Its name in lower case.
    pub(super) name: String,
    value: String,
    pub(super) children: Vec<Self>,
    key: String,
}

impl Node {
    /// Returns the options below `router` or `service`; `None` if there are none.
    pub(super) fn read(annotations: &Annotations, root: &str) -> Result<Option<Self>, InvalidOption> {
        let mut options: Vec<(String, &str, &str)> = annotations
            .options()
            .map(|(option, value)| (with_index(&format!("traefik.{option}")), option, value))
            .filter(|(path, ..)| is_below(path, root))
            .collect();
        if options.is_empty() {
            return Ok(None);
        }
        options.sort_unstable();
        let mut tree = Self::default();
        for (path, option, value) in options {
            let key = format!("{PREFIX}{option}");
            let mut node = &mut tree;
            for part in parts(&path).ok_or_else(|| InvalidOption::Name(key.clone()))?.iter().skip(2) {
                node = node.child(part, &key);
            }
            node.value = value.to_owned();
        }
        Ok(Some(tree))
    }

    fn child(&mut self, name: &str, key: &str) -> &mut Self {
        let index = self.children.iter().position(|child| child.name.eq_ignore_ascii_case(name));
        let index = index.unwrap_or_else(|| {
            self.children.push(Self { name: name.to_ascii_lowercase(), key: key.to_owned(), ..Self::default() });
            self.children.len() - 1
        });
        &mut self.children[index]
    }

    /// Returns the error for an option that does not exist.
    pub(super) fn unknown<T>(&self) -> Result<T, InvalidOption> {
        Err(InvalidOption::Unknown(self.key.clone()))
    }

    /// Reads a group of options that may also stand alone, with `true` or nothing. Any other value switches it off;
    /// then its options must exist, but their values are not checked.
    pub(super) fn switch<T>(
        &self,
        read: impl FnOnce(&Self) -> Result<T, InvalidOption>,
    ) -> Result<Option<T>, InvalidOption> {
        let is_on = self.value.is_empty() || self.value.eq_ignore_ascii_case("true");
        match read(self) {
            Err(InvalidOption::Bool(..) | InvalidOption::Number(..)) if !is_on => Ok(None),
            group => Ok(group?).map(|group| is_on.then_some(group)),
        }
    }

    /// Reads a boolean as Go's `ParseBool` does.
    pub(super) fn boolean(&self) -> Result<bool, InvalidOption> {
        self.leaf()?;
        match self.value.as_str() {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
            _ => Err(InvalidOption::Bool(self.key.clone(), self.value.clone())),
        }
    }

    /// Reads a decimal number.
    pub(super) fn number(&self) -> Result<i64, InvalidOption> {
        self.leaf()?;
        self.value.parse().map_err(|_| InvalidOption::Number(self.key.clone(), self.value.clone()))
    }

    /// Returns the text as it is.
    pub(super) fn text(&self) -> Result<&str, InvalidOption> {
        self.leaf()?;
        Ok(&self.value)
    }

    /// Reads a list: split at commas, each item trimmed.
    pub(super) fn list<T: for<'a> From<&'a str>>(&self) -> Result<Vec<T>, InvalidOption> {
        self.children.iter().try_for_each(Self::leaf)?;
        if self.value.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.value.split(',').map(|item| T::from(item.trim())).collect())
    }

    /// Checks that there are no options below: only a group has them.
    pub(super) fn leaf(&self) -> Result<(), InvalidOption> {
        self.children.first().map_or(Ok(()), Self::unknown)
    }
}

fn with_index(path: &str) -> String {
    match INDEX.as_ref() {
        Some(index) if path.bytes().any(|byte| byte.is_ascii_digit()) => {
            index.replace(path, "$1.$2[$3].$4").into_owned()
        }
        _ => path.to_owned(),
    }
}

fn is_below(path: &str, root: &str) -> bool {
    path.strip_prefix("traefik.").is_some_and(|rest| {
        let start = rest.get(..root.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(root)) && rest.as_bytes().get(root.len()) == Some(&b'.')
    })
}

/// Splits `a.b[0].c` into its parts; `None` if one is empty or has brackets at a wrong place.
fn parts(path: &str) -> Option<Vec<&str>> {
    let mut all = Vec::new();
    for part in path.split('.') {
        match part.strip_suffix(']') {
            _ if part.is_empty() || part.starts_with('[') => return None,
            None => all.push(part),
            Some(inner) => {
                let (name, index) = inner.split_once('[')?;
                all.extend([name, index]);
            }
        }
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::view::{Object, ObjectKey, View};
    use serde_json::json;

    fn read(options: &[(&str, &str)]) -> Result<Option<Node>, InvalidOption> {
        let annotations: serde_json::Map<_, _> =
            options.iter().map(|(key, value)| (format!("{PREFIX}{key}"), json!(value))).collect();
        let mut view = View::default();
        let meta = json!({"name": "s", "annotations": annotations});
        let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": meta});
        view.apply(Object::from_manifest(service).unwrap().unwrap());
        Node::read(&view.service(&ObjectKey::new("default", "s")).unwrap().annotations, "service")
    }

    fn only(options: &[(&str, &str)]) -> Node {
        read(options).unwrap().unwrap().children.pop().unwrap()
    }

    #[test]
    fn keys_below_the_root_are_read_in_any_case() {
        assert!(read(&[("router.a", "x"), ("services.a", "x"), ("service", "x")]).unwrap().is_none());
        let node = only(&[("Service.A", "upper"), ("service.a", "lower")]);
        assert_eq!((node.name.as_str(), node.text().unwrap()), ("a", "lower"), "the last key in order counts");
    }

    #[test]
    fn indexes_are_sorted_as_texts_in_brackets() {
        let node = only(&[("service.a.1.x", "1"), ("service.a.0.x", "0"), ("service.a.10.x", "10")]);
        let values: Vec<_> = node.children.iter().map(|item| item.children[0].text().unwrap()).collect();
        assert_eq!(values, ["0", "10", "1"]);
    }

    #[test]
    fn broken_names_are_refused() {
        for key in ["service.", "service..a", "service.a.", "service.[0]", "service.a]"] {
            let error = read(&[(key, "x")]).unwrap_err();
            assert_eq!(error, InvalidOption::Name(format!("{PREFIX}{key}")));
        }
    }

    #[test]
    fn values_are_what_go_takes() {
        for (text, wanted) in [("1", Some(true)), ("T", Some(true)), ("False", Some(false)), ("yes", None), ("", None)]
        {
            assert_eq!(only(&[("service.a", text)]).boolean().ok(), wanted, "{text:?}");
        }
        for (text, wanted) in [("+5", Some(5)), ("-1", Some(-1)), ("1_0", None), (" 1", None), ("", None)] {
            assert_eq!(only(&[("service.a", text)]).number().ok(), wanted, "{text:?}");
        }
        for (text, wanted) in [("", vec![]), (" a , b", vec!["a", "b"]), ("a,,", vec!["a", "", ""])] {
            assert_eq!(only(&[("service.a", text)]).list::<String>().unwrap(), wanted, "{text:?}");
        }
        for (text, wanted) in [("", true), ("TRUE", true), ("1", false), ("false", false)] {
            let group = only(&[("service.a", text)]).switch(|_| Ok(())).unwrap();
            assert_eq!(group.is_some(), wanted, "{text:?}");
        }
    }

    #[test]
    fn values_below_a_group_that_is_off_do_not_matter() {
        let read =
            |value| only(&[("service.a", value), ("service.a.b", "x")]).switch(|group| group.children[0].boolean());
        assert_eq!(read("false"), Ok(None));
        assert!(read("true").is_err());
        let unknown =
            only(&[("service.a", "false"), ("service.a.b", "x")]).switch(|group| group.children[0].unknown::<()>());
        assert!(unknown.is_err(), "what does not exist is told all the same");
    }

    #[test]
    fn a_value_with_options_below_it_is_refused() {
        let node = only(&[("service.a", "1"), ("service.a.b", "1")]);
        assert!(node.number().is_err() && node.text().is_err() && node.boolean().is_err());
        assert_eq!(node.list::<String>().unwrap(), ["1"], "a list tolerates one level, as in Traefik");
    }
}
