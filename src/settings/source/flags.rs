//! The command line, with the rules of Traefik's parser.
//!
//! `--a.b=v`, `-a.b=v`; `--a.b v` where the option takes a value; `--a.b` alone is `true` for a switch or a group.

use crate::settings::mistake::{Findings, Mistake, Origin};
use crate::settings::node::{Given, Node, parts};
use crate::settings::schema::{Shape, shape_at};

/// Reads flags into a tree; `shape` tells which of them take a value.
pub(in crate::settings) fn read(arguments: &[String], shape: Shape, findings: &mut Findings) -> Node {
    let mut tree = Node::root();
    let mut rest = arguments.iter().map(String::as_str).peekable();
    while let Some(argument) = rest.next() {
        let name = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-')).unwrap_or_default();
        let (name, value) = name.split_once('=').map_or((name, None), |(name, value)| (name, Some(value)));
        let Some(path) = parts(name).filter(|_| !name.starts_with('-')) else {
            let way_out = "options are written --name=value".to_owned();
            let argument = argument.split('=').next().unwrap_or_default().to_owned();
            findings.mistakes.push(Mistake::Argument { argument, way_out });
            continue;
        };
        let dashes = &argument[..argument.len() - argument.trim_start_matches('-').len()];
        let origin = Origin::Flag(format!("{dashes}{name}"));
        let found = shape_at(shape, &path);
        let takes_value = match found {
            Some(Shape::List | Shape::Scalar) => true,
            // Unknown: an argument that does not look like a flag is taken as the value.
            Some(Shape::Open) | None => rest.peek().is_some_and(|next| !next.starts_with('-')),
            Some(_) => false,
        };
        let value = match value {
            Some(value) => value,
            None if !takes_value => "true",
            None => match rest.next_if(|next| !next.starts_with("--")) {
                Some(value) => value,
                None => {
                    findings.value(&origin, "needs a value: --name=value");
                    continue;
                }
            },
        };
        let node = tree.at(&path, &origin);
        let value = match &node.value {
            Some(Given::Text(before)) if matches!(found, Some(Shape::List)) => format!("{before},{value}"),
            _ => value.to_owned(),
        };
        node.value = Some(Given::Text(value));
        node.origin = origin;
    }
    tree
}
