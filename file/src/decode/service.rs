use super::fault::{Fault, Scope};
use super::node::Node;
use super::written::Written;
use flow_model::config::Service;
use serde::Deserialize as _;

/// Reads a service.
pub(super) fn service(node: &Node) -> Result<Service, Fault> {
    let keys = node.entries().iter().map(|(key, _)| key.as_str());
    let kinds: Vec<_> = keys.filter(|key| !key.eq_ignore_ascii_case("middlewares")).collect();
    match kinds.as_slice() {
        [] => Err(Fault::new(Scope::Object, "it has no kind")),
        [_] => Service::deserialize(Written(node)),
        // An unknown field is found before their number is.
        kinds => match Service::deserialize(Written(node)) {
            Err(fault) if !fault.path.is_empty() => Err(fault),
            _ => Err(several(kinds)),
        },
    }
}

/// The fault of an object of several kinds.
pub(super) fn several(kinds: &[&str]) -> Fault {
    Fault::new(Scope::Object, format!("it must be of one kind, not of {}", kinds.join(", ")))
}
