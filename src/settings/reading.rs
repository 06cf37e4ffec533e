//! Reading of single values, lists, maps and groups that may be off.

use super::audit::unknown;
use super::mistake::{Findings, Warning};
use super::node::{Given, Node};
use super::schema::{Scalar, Shape, Value};
use serde_json::Value as Json;
use std::collections::BTreeMap;

impl<T: Scalar> Value for T {
    const SHAPE: Shape = T::SHAPE;

    fn read(&mut self, node: &Node, findings: &mut Findings) {
        node.children.iter().for_each(|child| unknown(child, node, &[], findings));
        match &node.value {
            Some(Given::Text(text)) => match T::parse(text) {
                Ok(value) => *self = value,
                Err(reason) => findings.value(&node.origin, reason),
            },
            Some(Given::List(_)) => findings.value(&node.origin, "takes one value, not a list"),
            None => {}
        }
    }

    fn show(&self) -> Json {
        Scalar::show(self)
    }
}

impl<T: Scalar> Value for Vec<T> {
    const SHAPE: Shape = Shape::List;

    /// An empty text or list leaves the default, as in Traefik.
    fn read(&mut self, node: &Node, findings: &mut Findings) {
        let mut texts: Vec<String> = match &node.value {
            Some(Given::Text(text)) => text.split(',').map(|item| item.trim().to_owned()).collect(),
            Some(Given::List(items)) => items.clone(),
            None => Vec::new(),
        };
        for item in in_order(node, findings) {
            match &item.value {
                Some(Given::Text(text)) => texts.push(text.clone()),
                _ => findings.value(&item.origin, "takes one value"),
            }
        }
        texts.retain(|text| !text.is_empty());
        if texts.is_empty() {
            return;
        }
        self.clear();
        for text in texts {
            match T::parse(&text) {
                Ok(value) => self.push(value),
                Err(reason) => findings.value(&node.origin, reason),
            }
        }
    }

    fn show(&self) -> Json {
        self.iter().map(Scalar::show).collect()
    }
}

impl<T: Value + Default> Value for Option<T> {
    const SHAPE: Shape = match T::SHAPE {
        Shape::Section(fields) => Shape::Optional(fields),
        other => other,
    };

    fn read(&mut self, node: &Node, findings: &mut Findings) {
        match T::SHAPE {
            Shape::Section(_) => match switch(node, findings) {
                true => self.get_or_insert_default().read(&node.branch(), findings),
                false => {
                    off(node, findings);
                    *self = None;
                }
            },
            Shape::Scalar if node.value == Some(Given::Text(String::new())) => *self = None,
            _ => self.get_or_insert_default().read(node, findings),
        }
    }

    fn show(&self) -> Json {
        self.as_ref().map_or(Json::Null, Value::show)
    }
}

impl<T: Value + Default> Value for BTreeMap<String, T> {
    const SHAPE: Shape = Shape::Map(&T::SHAPE);

    fn read(&mut self, node: &Node, findings: &mut Findings) {
        if node.value.is_some() {
            findings.value(&node.origin, format!("{} needs a name below it: {}.NAME", node.path, node.path));
        }
        for child in &node.children {
            let mut value = self.remove(&child.name).unwrap_or_default();
            if matches!(T::SHAPE, Shape::Section(_)) {
                if !switch(child, findings) {
                    off(child, findings);
                    continue;
                }
                value.read(&child.branch(), findings);
            } else {
                value.read(child, findings);
            }
            self.insert(child.name.clone(), value);
        }
    }

    fn show(&self) -> Json {
        self.iter().map(|(name, value)| (name.clone(), value.show())).collect::<serde_json::Map<_, _>>().into()
    }
}

/// Reads a list of groups, in the order of their indices.
pub(super) fn read_sections<T: Value + Default>(list: &mut Vec<T>, node: &Node, findings: &mut Findings) {
    if matches!(&node.value, Some(given) if *given != Given::List(Vec::new())) {
        findings.value(&node.origin, format!("is a list of groups: write {}[0].NAME", node.path));
    }
    *list = in_order(node, findings)
        .into_iter()
        .map(|item| {
            let mut value = T::default();
            value.read(item, findings);
            value
        })
        .collect();
}

/// True if a group is on: by its bare name, `true`, or only options below it. `false` turns it off in any case.
fn switch(node: &Node, findings: &mut Findings) -> bool {
    match &node.value {
        None => true,
        Some(Given::Text(text)) if text.is_empty() || text.eq_ignore_ascii_case("true") => true,
        Some(Given::Text(text)) if text.eq_ignore_ascii_case("false") => false,
        Some(_) => {
            findings.value(&node.origin, "takes true or false, or options below it");
            true
        }
    }
}

/// Warns of options below a group that is off: they have no effect.
fn off(node: &Node, findings: &mut Findings) {
    let given: Vec<_> = node.children.iter().flat_map(Node::origins).collect();
    if !given.is_empty() {
        findings.warnings.push(Warning::Off { option: node.path.clone(), given });
    }
}

/// The children, sorted by index; a child without one is a mistake.
fn in_order<'a>(node: &'a Node, findings: &mut Findings) -> Vec<&'a Node> {
    let (mut items, strangers): (Vec<_>, Vec<_>) = node.children.iter().partition(|child| child.index().is_some());
    strangers.into_iter().for_each(|child| unknown(child, node, &[], findings));
    items.sort_by_key(|child| child.index());
    items
}
