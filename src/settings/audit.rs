//! Names of options that are unknown, not served or missing.

use super::mistake::{Findings, Mistake, Warning};
use super::nearest;
use super::node::Node;
use super::schema::{Field, Mark};

/// Reports unknown, unserved and missing names of a group.
pub(super) fn audit(node: &Node, fields: &[Field], findings: &mut Findings) {
    if node.value.is_some() {
        let below: Vec<_> = fields.iter().map(|field| format!("{}.{}", node.path, field.key)).collect();
        findings
            .value(&node.origin, format!("{} takes no value, only options below it: {}", node.path, below.join(", ")));
    }
    for child in &node.children {
        match fields.iter().find(|field| field.key.eq_ignore_ascii_case(&child.name)) {
            None => unknown(child, node, fields, findings),
            Some(field) if field.mark == Mark::Unserved && !child.is_off() => {
                let given = child.origins();
                findings.warnings.push(Warning::Unserved { option: child.path.clone(), given });
            }
            Some(_) => {}
        }
    }
    for field in fields.iter().filter(|field| field.mark == Mark::Required && node.child(field.key).is_none()) {
        let option = format!("{}.{}", node.path, field.key);
        findings.mistakes.push(Mistake::Missing { option, origin: node.origin.clone() });
    }
}

/// Reports an option that does not exist; `siblings` are those that do beside it.
pub(super) fn unknown(child: &Node, parent: &Node, siblings: &[Field], findings: &mut Findings) {
    let nearest = nearest::option(&child.name, &parent.path, siblings);
    findings.mistakes.push(Mistake::Unknown { option: child.path.clone(), origin: child.origin.clone(), nearest });
}
