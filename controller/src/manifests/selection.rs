//! The selection of a folder's manifests, by the same options as the Kubernetes providers'.

use crate::crd::Group;
use kube::core::{Selector, SelectorExt as _};
use serde_json::Value;
use std::collections::BTreeMap;

/// Namespaces, labels and cluster-wide kinds, as the watches of a cluster would select them.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    /// The namespaces; empty is all.
    pub(crate) namespaces: Vec<String>,
    /// The label selector for Ingresses and custom resources.
    pub(crate) labels: Selector,
    /// True if IngressClass objects count.
    pub(crate) classes: bool,
    /// True if Node objects count.
    pub(crate) nodes: bool,
}

impl Default for Selection {
    /// Returns the selection of everything.
    fn default() -> Self {
        Self { namespaces: Vec::new(), labels: Selector::default(), classes: true, nodes: true }
    }
}

impl Selection {
    /// True if a manifest counts.
    pub(super) fn takes(&self, manifest: &Value) -> bool {
        let text = |pointer: &str| manifest.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let kind = text("/kind");
        match kind {
            // Not an object, which its reader reports.
            "" => return true,
            "IngressClass" => return self.classes,
            "Node" => return self.nodes,
            "ClusterIssuer" => return true,
            _ => {}
        }
        let namespace = Some(text("/metadata/namespace")).filter(|namespace| !namespace.is_empty());
        let namespace = namespace.unwrap_or("default");
        if !self.namespaces.is_empty() && !self.namespaces.iter().any(|wanted| wanted == namespace) {
            return false;
        }
        let selected = kind == "Ingress" || text("/apiVersion").split('/').next().is_some_and(is_traefik);
        !selected || self.labels.selects_all() || self.labels.matches(&labels(manifest))
    }
}

fn is_traefik(group: &str) -> bool {
    Group::ALL.iter().any(|known| known.name() == group)
}

fn labels(manifest: &Value) -> BTreeMap<String, String> {
    let labels = manifest.pointer("/metadata/labels").and_then(Value::as_object).into_iter().flatten();
    labels.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::json;

    fn object(kind: &str, api_version: &str, metadata: Value) -> Value {
        json!({ "kind": kind, "apiVersion": api_version, "metadata": metadata })
    }

    #[test]
    fn namespaces_and_labels_select_as_watches_do() {
        let selection = Selection {
            namespaces: vec!["shop".to_owned()],
            labels: crate::selector::label_selector("team=a").unwrap(),
            ..Selection::default()
        };
        let ours = json!({ "namespace": "shop", "labels": { "team": "a" } });
        let ingress = |metadata| object("Ingress", "networking.k8s.io/v1", metadata);
        assert!(selection.takes(&ingress(ours.clone())));
        assert!(!selection.takes(&ingress(json!({ "namespace": "shop" }))), "without the label");
        assert!(!selection.takes(&ingress(json!({ "labels": { "team": "a" } }))), "in default");
        assert!(!selection.takes(&object("Middleware", "traefik.io/v1alpha1", json!({ "namespace": "shop" }))));
        assert!(selection.takes(&object("Service", "v1", json!({ "namespace": "shop" }))), "labels select no Services");
        assert!(!selection.takes(&object("Service", "v1", json!({ "namespace": "other" }))));
        assert!(selection.takes(&object("IngressClass", "networking.k8s.io/v1", json!({}))));
        let blind = Selection { classes: false, nodes: false, ..Selection::default() };
        assert!(!blind.takes(&object("IngressClass", "networking.k8s.io/v1", json!({}))));
        assert!(!blind.takes(&object("Node", "v1", json!({}))));
        assert!(blind.takes(&ingress(json!({}))));
    }
}
