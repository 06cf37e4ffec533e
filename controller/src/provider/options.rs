use crate::certificates;
use crate::lease;
use crate::resolvers;
use crate::translate;
use crate::watch::Connection;
use kube::core::Selector;
use std::path::PathBuf;
use std::time::Duration;

/// The options of reading a cluster.
#[derive(Clone, Debug)]
pub struct KubernetesOptions {
    /// The connection to the API server; both providers share it.
    pub connection: Connection,
    /// `providers.kubernetesIngress`; `None` is off.
    pub ingress: Option<IngressProvider>,
    /// `providers.kubernetesCRD`; `None` is off.
    pub crd: Option<CrdProvider>,
    /// The issuing of certificates; `None` is off.
    pub certificates: Option<certificates::Options>,
    /// Traefik's certificate resolvers; `None` if there are none.
    pub resolvers: Option<resolvers::Options>,
    /// The Lease that decides which of several replicas writes.
    pub lease: lease::Options,
}

/// `providers.kubernetesIngress`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct IngressProvider {
    /// `namespaces` that are watched; empty means all.
    pub namespaces: Vec<String>,
    /// `labelSelector` of Ingresses.
    pub label_selector: String,
    /// `throttleDuration`: the least time between two changes of the configuration.
    pub throttle: Duration,
    /// The options of translation.
    pub options: translate::IngressOptions,
}

/// `providers.kubernetesCRD`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CrdProvider {
    /// `namespaces` that are watched; empty means all.
    pub namespaces: Vec<String>,
    /// `labelSelector` of all custom resources.
    pub label_selector: String,
    /// `throttleDuration`: the least time between two changes of the configuration.
    pub throttle: Duration,
    /// The options of translation.
    pub options: translate::CrdOptions,
}

/// The options of a folder of manifests that is read instead of a cluster.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ManifestsOptions {
    /// The folder.
    pub directory: PathBuf,
    /// True if changes are read as they happen.
    pub watch: bool,
    /// Namespaces whose manifests count; empty means all.
    pub namespaces: Vec<String>,
    /// The label selector for Ingresses and custom resources.
    pub label_selector: Selector,
    /// The least time between two changes of the configuration.
    pub throttle: Duration,
    /// The options of translating Ingresses. Without a cluster no addresses are published: `ingress_endpoint` has no
    /// effect.
    pub ingress: translate::IngressOptions,
    /// The options of translating custom resources.
    pub crd: translate::CrdOptions,
}
