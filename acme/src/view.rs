use crate::objects::{
    Certificate, CertificateRequest, Challenge, HasMeta, Issuer, IssuerRef, Key, Meta, Order, Secret,
};
use flow_model::persistent_map::PersistentMap;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Objects by namespace and name.
pub type Objects<T> = PersistentMap<Key, Arc<T>>;

/// The inputs of the planner. Values are shared with the store's cache; cloning a view is cheap.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Issuers. Cluster issuers have an empty namespace. Those without ACME may be missing.
    pub issuers: Objects<Issuer>,
    /// Certificates.
    pub certificates: Objects<Certificate>,
    /// CertificateRequests.
    pub requests: Objects<CertificateRequest>,
    /// Orders.
    pub orders: Objects<Order>,
    /// Challenges.
    pub challenges: Objects<Challenge>,
    /// Secrets: target Secrets of Certificates, those labelled `cert-manager.io/next-private-key`, account keys, keys
    /// of external account bindings, passwords of key stores. Others do no harm.
    pub secrets: Objects<Secret>,
    /// Ingresses of any class, including those not served here.
    pub ingresses: Objects<IngressFacts>,
    /// Namespaces with limits, by `("", name)`. Others may be missing.
    pub namespaces: Objects<NamespaceFacts>,
    /// Ingress classes that this proxy serves in addition to those of the settings.
    pub classes: BTreeSet<String>,
}

/// A Namespace, as far as certificates need it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct NamespaceFacts {
    /// Name and annotations.
    pub metadata: Meta,
}

impl HasMeta for NamespaceFacts {
    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

/// An Ingress, as far as certificates need it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct IngressFacts {
    /// Name, labels, annotations.
    pub metadata: Meta,
    /// `spec.tls`.
    pub tls: Vec<IngressTls>,
}

impl HasMeta for IngressFacts {
    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

/// A block of an Ingress' `spec.tls`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct IngressTls {
    /// The hosts.
    pub hosts: Vec<String>,
    /// The Secret's name. Empty: none.
    pub secret_name: String,
}

/// The operator's settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Namespace of the Secrets of ClusterIssuers.
    pub cluster_resource_namespace: String,
    /// cert-manager's namespaces, where an account key may still be. They are read, never written.
    pub fallback_namespaces: Vec<String>,
    /// Issuer for Ingresses that only have `kubernetes.io/tls-acme: "true"`.
    pub default_issuer: Option<IssuerRef>,
    /// Ingress classes that this proxy serves.
    pub served_classes: Vec<String>,
    /// True if it serves Ingresses without a class.
    pub serves_default_class: bool,
    /// True if target Secrets are deleted with their Certificate.
    pub owner_references: bool,
    /// True if no other cert-manager controller is running: issuers not served here are then reported on the object.
    pub alone: bool,
    /// True if the CA is asked for renewal information.
    pub renewal_information: bool,
    /// User name shown as requester by `kubectl get certificaterequest`: our own.
    pub requester: String,
    /// DNS servers that are asked for records of DNS-PERSIST-01. Empty: the system's.
    pub name_servers: Vec<std::net::SocketAddr>,
    /// Limit of challenges in progress.
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
            name_servers: Vec::new(),
            max_challenges: 60,
        }
    }
}

impl Settings {
    /// Namespace of the Secrets of an issuer.
    #[must_use]
    pub fn issuer_namespace<'a>(&'a self, issuer: &'a Key) -> &'a str {
        if issuer.namespace.is_empty() { &self.cluster_resource_namespace } else { &issuer.namespace }
    }
}
