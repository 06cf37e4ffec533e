use crate::objects::{Certificate, CertificateRequest, Challenge, Issuer, IssuerRef, Key, Meta, Order, Secret};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Everything the planner looks at. Values are shared with the store's cache; cloning a view is cheap.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Issuers; those of the cluster have an empty namespace. Only ACME ones need be here.
    pub issuers: BTreeMap<Key, Arc<Issuer>>,
    /// Certificates.
    pub certificates: BTreeMap<Key, Arc<Certificate>>,
    /// CertificateRequests.
    pub requests: BTreeMap<Key, Arc<CertificateRequest>>,
    /// Orders.
    pub orders: BTreeMap<Key, Arc<Order>>,
    /// Challenges.
    pub challenges: BTreeMap<Key, Arc<Challenge>>,
    /// Secrets: target Secrets of Certificates, those labelled `cert-manager.io/next-private-key`, account keys,
    /// keys of external account bindings, passwords of key stores. More do no harm.
    pub secrets: BTreeMap<Key, Arc<Secret>>,
    /// Ingresses of any class, also those that are not served here.
    pub ingresses: BTreeMap<Key, Arc<IngressFacts>>,
    /// Ingress classes that this proxy serves besides those of the settings.
    pub classes: BTreeSet<String>,
}

/// An Ingress, as far as certificates go.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct IngressFacts {
    /// Name, labels, annotations.
    pub metadata: Meta,
    /// `spec.tls`.
    pub tls: Vec<IngressTls>,
}

/// A block of an Ingress' `spec.tls`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct IngressTls {
    /// Its hosts.
    pub hosts: Vec<String>,
    /// Its Secret; empty where none is named.
    pub secret_name: String,
}

/// What the operator chose.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the Secrets of ClusterIssuers live.
    pub cluster_resource_namespace: String,
    /// cert-manager's own namespace, where an account key may still be; it is read, never written.
    pub fallback_namespaces: Vec<String>,
    /// Issuer of Ingresses that only say `kubernetes.io/tls-acme: "true"`.
    pub default_issuer: Option<IssuerRef>,
    /// Ingress classes that this proxy serves.
    pub served_classes: Vec<String>,
    /// It serves Ingresses without a class too.
    pub serves_default_class: bool,
    /// Target Secrets go down with their Certificate.
    pub owner_references: bool,
    /// No other controller of cert-manager's kinds is at work: what is not served here is told on the object.
    pub alone: bool,
    /// The CA is asked when to renew.
    pub renewal_information: bool,
    /// Who asks, where `kubectl get certificaterequest` shows the requester: our own user name.
    pub requester: String,
    /// How many challenges may be under way.
    pub max_challenges: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            cluster_resource_namespace: "flow-proxy".to_owned(),
            fallback_namespaces: vec!["cert-manager".to_owned(), "kube-system".to_owned()],
            default_issuer: None,
            served_classes: vec!["traefik".to_owned()],
            serves_default_class: true,
            owner_references: false,
            alone: true,
            renewal_information: true,
            requester: "system:serviceaccount:flow-proxy:flow-proxy".to_owned(),
            max_challenges: 60,
        }
    }
}

impl Settings {
    /// Where the Secrets of an issuer live.
    #[must_use]
    pub fn issuer_namespace<'a>(&'a self, issuer: &'a Key) -> &'a str {
        if issuer.namespace.is_empty() { &self.cluster_resource_namespace } else { &issuer.namespace }
    }
}
