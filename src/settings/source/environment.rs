//! `TRAEFIK_A_B_C`: the environment.

use crate::settings::mistake::{Findings, Origin, Warning};
use crate::settings::nearest;
use crate::settings::node::{Given, Node};
use crate::settings::schema::{Shape, shape_at};

/// The prefix of every variable.
const PREFIX: &str = "TRAEFIK_";

/// The parts of the option that a variable names, in lower case; `None` if it lacks the prefix.
fn path(name: &str) -> Option<Vec<String>> {
    let prefix = name.get(..PREFIX.len()).filter(|prefix| prefix.eq_ignore_ascii_case(PREFIX))?;
    let path = name[prefix.len()..].to_lowercase();
    Some(path.split('_').filter(|part| !part.is_empty()).map(str::to_owned).collect())
}

/// Reads variables into a tree. As in Traefik, only those count whose first word is a group of options; this skips
/// Kubernetes' variables for a Service named `traefik` (`TRAEFIK_PORT`). Similar words get a warning.
pub(in crate::settings) fn read(variables: &[(String, String)], findings: &mut Findings) -> Node {
    let mut tree = Node::root();
    for (name, value) in variables {
        let Some(path) = path(name) else { continue };
        let Some(first) = path.first() else { continue };
        if nearest::roots().any(|field| field.key.eq_ignore_ascii_case(first)) {
            let origin = Origin::Environment(name.clone());
            let node = tree.at(&path.iter().map(String::as_str).collect::<Vec<_>>(), &origin);
            node.value = Some(Given::Text(value.clone()));
            node.origin = origin;
        } else if let Some(nearest) = nearest::word(first, nearest::roots().map(|field| field.key)) {
            let (name, word) = (name.clone(), first.clone());
            findings.warnings.push(Warning::UnknownVariable { name, word, nearest });
        }
    }
    tree
}

/// The variables that name options of `shape`: they are ignored if another source counts.
pub(in crate::settings) fn ignored(variables: &[(String, String)], shape: Shape) -> Vec<String> {
    let names_option = |name: &&String| {
        path(name).is_some_and(|path| {
            let path: Vec<_> = path.iter().map(String::as_str).collect();
            !path.is_empty() && shape_at(shape, &path).is_some()
        })
    };
    variables
        .iter()
        .map(|(name, _)| name)
        .filter(names_option)
        .map(|name| Origin::Environment(name.clone()).to_string())
        .collect()
}
