//! The known option that is most like an unknown one.

use super::Settings;
use super::rows::rows;
use super::schema::{Field, Shape, Value};

/// The option most like `name` below `parent`: a sibling with a similar name, else one of the same name elsewhere.
pub(super) fn option(name: &str, parent: &str, siblings: &[Field]) -> Option<String> {
    let keys = siblings.iter().map(|field| field.key);
    if let Some(key) = word(name, keys) {
        return Some(if parent.is_empty() { key.to_owned() } else { format!("{parent}.{key}") });
    }
    let root = <Settings as Value>::SHAPE;
    rows(root).into_iter().map(|row| row.option).find(|option| {
        let last = option.rsplit('.').next().unwrap_or(option);
        last.eq_ignore_ascii_case(name)
    })
}

/// The word that is most like `name`, if any is similar.
pub(super) fn word<'a>(name: &str, words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    flow_model::nearest::name(name, words)
}

/// The options at the top of the tree.
pub(super) fn roots() -> impl Iterator<Item = &'static Field> {
    match <Settings as Value>::SHAPE {
        Shape::Section(fields) => fields.iter(),
        _ => [].iter(),
    }
}
