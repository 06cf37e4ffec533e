//! The addresses in the status of an Ingress.

use crate::view::ingress::{Address, AddressPort};
use serde_json::{Value, json};

/// Returns the merge patch that sets these addresses.
pub(crate) fn patch(addresses: &[Address]) -> Value {
    let addresses: Vec<Value> = addresses.iter().map(address).collect();
    json!({ "status": { "loadBalancer": { "ingress": addresses } } })
}

fn address(address: &Address) -> Value {
    let mut value = json!({});
    if !address.ip.is_empty() {
        value["ip"] = json!(address.ip);
    }
    if !address.hostname.is_empty() {
        value["hostname"] = json!(address.hostname);
    }
    if !address.ports.is_empty() {
        let port = |port: &AddressPort| json!({ "port": port.port, "protocol": port.protocol });
        value["ports"] = address.ports.iter().map(port).collect();
    }
    value
}
