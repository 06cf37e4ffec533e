use crate::lease;
use crate::translate;
use crate::watch::Connection;
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
    /// What translation of Ingresses reads. ExternalName Services are served in any case: without a cluster they are
    /// the plain way to name a backend.
    pub ingress: translate::IngressOptions,
    /// What translation of custom resources reads.
    pub crd: translate::CrdOptions,
}
