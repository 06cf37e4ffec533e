//! `TRAEFIK_A_B_C`: the environment.

use crate::settings::mistake::Origin;
use crate::settings::nearest;
use crate::settings::node::{Given, Node};

/// What every variable begins with.
const PREFIX: &str = "TRAEFIK_";

/// Reads variables into a tree. As in Traefik only those count whose first word is a group of options, so that
/// Kubernetes' own variables for a Service named `traefik` (`TRAEFIK_PORT`) do not.
pub(in crate::settings) fn read(variables: &[(String, String)]) -> Node {
    let mut tree = Node::root();
    for (name, value) in variables {
        let Some(path) = name.get(..PREFIX.len()).filter(|prefix| prefix.eq_ignore_ascii_case(PREFIX)) else {
            continue;
        };
        let path = name[path.len()..].to_lowercase();
        let path: Vec<_> = path.split('_').filter(|part| !part.is_empty()).collect();
        let known = |first: &&str| nearest::roots().any(|field| field.key.eq_ignore_ascii_case(first));
        if path.first().is_some_and(known) {
            let origin = Origin::Environment(name.clone());
            let node = tree.at(&path, &origin);
            node.value = Some(Given::Text(value.clone()));
            node.origin = origin;
        }
    }
    tree
}
