use crate::lease;
use crate::translate;
use crate::watch::Connection;
use kube::core::Selector;
use std::path::PathBuf;
use std::time::Duration;

/// What is read from a cluster, and how.
#[derive(Clone, Debug)]
pub struct KubernetesOptions {
    /// The way to the API server; both providers share it.
    pub connection: Connection,
    /// `providers.kubernetesIngress`; `None` is off.
    pub ingress: Option<IngressProvider>,
    /// `providers.kubernetesCRD`; `None` is off.
    pub crd: Option<CrdProvider>,
    /// The Lease by which one of several replicas is chosen to write.
    pub lease: lease::Options,
}

/// `providers.kubernetesIngress`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct IngressProvider {
    /// `namespaces` that are watched; none means all.
    pub namespaces: Vec<String>,
    /// `labelSelector` of Ingresses.
    pub label_selector: String,
    /// `throttleDuration`: the least time between two changes of the configuration.
    pub throttle: Duration,
    /// What translation reads.
    pub options: translate::IngressOptions,
}

/// `providers.kubernetesCRD`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CrdProvider {
    /// `namespaces` that are watched; none means all.
    pub namespaces: Vec<String>,
    /// `labelSelector` of all custom resources.
    pub label_selector: String,
    /// `throttleDuration`: the least time between two changes of the configuration.
    pub throttle: Duration,
    /// What translation reads.
    pub options: translate::CrdOptions,
}

/// A folder of manifests that stands for a cluster.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ManifestsOptions {
    /// The folder.
    pub directory: PathBuf,
    /// Changes are read as they happen.
    pub watch: bool,
    /// Namespaces whose manifests count; none means all.
    pub namespaces: Vec<String>,
    /// Of Ingresses and custom resources those that have such labels.
    pub label_selector: Selector,
    /// The least time between two changes of the configuration.
    pub throttle: Duration,
    /// What translation of Ingresses reads. Without a cluster nobody publishes addresses: `ingress_endpoint` has no
    /// effect.
    pub ingress: translate::IngressOptions,
    /// What translation of custom resources reads.
    pub crd: translate::CrdOptions,
}
