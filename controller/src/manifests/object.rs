//! Objects from documents: lists are split, and the defaults of an API server are filled in.

use super::declarations::{self, Declaration};
use crate::unserved;
use crate::view::{Ingress, InvalidObject, Object, Secret, wire};
use serde_json::{Value, json};

/// The annotation of the IngressClass that Ingresses without one get.
const DEFAULT_CLASS: &str = "/metadata/annotations/ingressclass.kubernetes.io~1is-default-class";
/// The label that names a slice's Service.
const SERVICE: &str = "kubernetes.io/service-name";

/// The result of reading one manifest.
#[derive(Debug)]
pub(super) enum Read {
    Object(Object),
    /// An IngressClass that is the default.
    DefaultClass(Object),
    /// A kind that is not read.
    Other(Other),
    /// The meaning of the same manifest for certificates.
    Declaration(Declaration),
}

/// A manifest of a kind that is not read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Other {
    pub(super) api_version: String,
    pub(super) kind: String,
    /// As [`object_name`].
    object: String,
}

impl Other {
    /// Returns the finding about it; `None` if it has nothing to do with a proxy.
    pub(super) fn finding(&self) -> Option<String> {
        let words = unserved::words(&self.api_version, &self.kind)?;
        Some(format!("{} ({}): {words}", self.object, self.api_version))
    }
}

/// Returns the manifests in a document: itself, or the items of a list.
pub(super) fn manifests(mut document: Value) -> Vec<Value> {
    let kind = text(&document, "kind").strip_suffix("List").map(str::to_owned);
    let Some((kind, Value::Array(items))) = kind.zip(document.get_mut("items").map(Value::take)) else {
        return vec![document];
    };
    // The items of a typed list may omit fields that the list has.
    let api_version = text(&document, "apiVersion").to_owned();
    items
        .into_iter()
        .map(|mut item| {
            if let Some(fields) = item.as_object_mut().filter(|_| !kind.is_empty()) {
                fields.entry("kind").or_insert_with(|| json!(kind));
                fields.entry("apiVersion").or_insert_with(|| json!(api_version));
            }
            item
        })
        .flat_map(manifests)
        .collect()
}

/// Reads one manifest.
///
/// # Errors
/// If it is not a valid object of its kind.
pub(super) fn read(mut manifest: Value) -> Result<Vec<Read>, InvalidObject> {
    let other = other(&manifest);
    let is_default = manifest.pointer(DEFAULT_CLASS).and_then(Value::as_str) == Some("true");
    if text(&manifest, "kind") == "Endpoints" && text(&manifest, "apiVersion") == "v1" {
        return slices(&manifest).into_iter().map(|slice| one(slice, other.clone(), false)).collect();
    }
    match (text(&manifest, "apiVersion"), text(&manifest, "kind")) {
        ("networking.k8s.io/v1", "Ingress") => {
            let wire = wire::<Ingress>("Ingress", manifest)?;
            let declaration = declarations::of_ingress(&wire).map(Read::Declaration);
            return Ok([Read::Object(Object::Ingress((&wire).into()))].into_iter().chain(declaration).collect());
        }
        ("v1", "Secret") => {
            let wire = wire::<Secret>("Secret", manifest)?;
            let object = Read::Object(Object::Secret((&wire).into()));
            return Ok(vec![object, Read::Declaration(declarations::of_secret(wire))]);
        }
        (_, "EndpointSlice") => fill_slice(&mut manifest),
        _ => {}
    }
    Ok(vec![one(manifest, other, is_default)?])
}

fn other(manifest: &Value) -> Other {
    Other {
        api_version: text(manifest, "apiVersion").to_owned(),
        kind: text(manifest, "kind").to_owned(),
        object: object_name(manifest),
    }
}

/// Returns `Kind namespace/name`, as far as the manifest has them.
pub(super) fn object_name(manifest: &Value) -> String {
    let metadata = |field: &str| manifest.pointer(&format!("/metadata/{field}")).and_then(Value::as_str);
    let (kind, name) = (text(manifest, "kind"), metadata("name").unwrap_or("without a name"));
    metadata("namespace").map_or_else(|| format!("{kind} {name}"), |namespace| format!("{kind} {namespace}/{name}"))
}

fn one(manifest: Value, other: Other, is_default: bool) -> Result<Read, InvalidObject> {
    Ok(match Object::from_manifest(manifest)? {
        Some(object @ Object::IngressClass(_)) if is_default => Read::DefaultClass(object),
        Some(object) => Read::Object(object),
        None => Read::Other(other),
    })
}

/// Completes a slice: a port without a name is the port with the empty name.
fn fill_slice(manifest: &mut Value) {
    for port in manifest.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(port) = port.as_object_mut().filter(|port| port.get("name").is_none_or(Value::is_null)) {
            port.insert("name".to_owned(), json!(""));
        }
    }
}

/// Returns Endpoints as the slices that a cluster would mirror them to: one for each subset.
fn slices(endpoints: &Value) -> Vec<Value> {
    let name = endpoints.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    let subsets = endpoints.get("subsets").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let list = |subset: &Value, field: &str| subset.get(field).and_then(Value::as_array).cloned().unwrap_or_default();
    let slice = |(index, subset): (usize, &Value)| {
        let endpoint = |ready: bool| {
            move |address: Value| {
                json!({
                    "addresses": [address.get("ip").cloned().unwrap_or_default()],
                    "conditions": { "ready": ready, "serving": ready },
                })
            }
        };
        let ready = list(subset, "addresses").into_iter().map(endpoint(true));
        let not_ready = list(subset, "notReadyAddresses").into_iter().map(endpoint(false));
        let mut slice = json!({
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": { "name": format!("{name}-{index}"), "labels": { SERVICE: name } },
            "addressType": "IPv4",
            "ports": list(subset, "ports"),
            "endpoints": ready.chain(not_ready).collect::<Vec<_>>(),
        });
        if let Some(namespace) = endpoints.pointer("/metadata/namespace") {
            slice["metadata"]["namespace"] = namespace.clone();
        }
        fill_slice(&mut slice);
        slice
    };
    subsets.iter().enumerate().map(slice).collect()
}

fn text<'a>(manifest: &'a Value, field: &str) -> &'a str {
    manifest.get(field).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::view::ObjectKey;

    #[test]
    fn lists_are_taken_apart() {
        let list = json!({ "kind": "List", "apiVersion": "v1", "items": [
            { "kind": "ServiceList", "apiVersion": "v1", "items": [{ "metadata": { "name": "a" } }] },
            { "kind": "Secret", "apiVersion": "v1", "metadata": { "name": "b" } },
        ] });
        let read: Vec<_> = manifests(list)
            .into_iter()
            .map(|m| (text(&m, "kind").to_owned(), text(&m, "apiVersion").to_owned()))
            .collect();
        assert_eq!(read, [("Service".to_owned(), "v1".to_owned()), ("Secret".to_owned(), "v1".to_owned())]);
        // A kind whose name merely ends like a list is one object.
        assert_eq!(manifests(json!({ "kind": "AllowList" })).len(), 1);
    }

    #[test]
    fn endpoints_become_slices() {
        let endpoints = json!({
            "kind": "Endpoints", "apiVersion": "v1", "metadata": { "name": "web", "namespace": "n" },
            "subsets": [{
                "addresses": [{ "ip": "10.0.0.1" }], "notReadyAddresses": [{ "ip": "10.0.0.2" }],
                "ports": [{ "port": 8080 }],
            }],
        });
        let read = read(endpoints).unwrap();
        let [Read::Object(Object::EndpointSlice(slice))] = read.as_slice() else { panic!("{read:?}") };
        assert_eq!(slice.service, ObjectKey::new("n", "web"));
        assert_eq!((&*slice.ports[0].name, slice.ports[0].port), ("", 8080));
        assert_eq!(slice.endpoints.iter().map(|e| e.serving).collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn other_kinds_are_named_and_default_classes_known() {
        let other =
            read(json!({ "kind": "Deployment", "apiVersion": "apps/v1", "metadata": { "name": "x" } })).unwrap();
        assert!(matches!(other.as_slice(), [Read::Other(other)] if other.finding().is_none()), "{other:?}");
        let route = json!({ "kind": "IngressRouteTCP", "apiVersion": "traefik.io/v1alpha1", "metadata": { "name": "r", "namespace": "n" } });
        let [Read::Other(other)] = &read(route).unwrap()[..] else { panic!() };
        assert!(other.finding().unwrap().starts_with("IngressRouteTCP n/r (traefik.io/v1alpha1): it is not served"));
        let class = read(json!({
            "kind": "IngressClass", "apiVersion": "networking.k8s.io/v1",
            "metadata": { "name": "traefik", "annotations": { "ingressclass.kubernetes.io/is-default-class": "true" } },
        }));
        assert!(matches!(class.unwrap().as_slice(), [Read::DefaultClass(_)]));
        assert!(read(json!({ "kind": "Service", "apiVersion": "v1" })).is_err());
    }
}
