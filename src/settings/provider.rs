//! `providers`: the sources of routes.

use super::provider_name::ProviderName;
use super::scalar::Secret;
use super::schema::{options_of, section};
use flow_controller::provider::{CrdProvider, IngressProvider};
use flow_controller::translate::{CrdOptions, IngressEndpoint, IngressOptions};
use std::path::PathBuf;
use std::time::Duration;

section! {
    /// The sources of routes.
    Providers {
        /// The shortest time between two changes that are put into effect (Traefik waits 2s; here a change is live at once).
        providers_throttle_duration: Duration = Duration::ZERO, "providersThrottleDuration";
        /// The order of providers, whose routers of equal priority are asked in it; those not named come after, in Traefik's order.
        precedence: Vec<ProviderName> = Vec::new(), "precedence";
        /// Serves Ingress objects of a Kubernetes cluster.
        kubernetes_ingress: Option<KubernetesIngress> = None, "kubernetesIngress";
        /// Serves Traefik's custom resources of a Kubernetes cluster.
        kubernetes_crd: Option<KubernetesCrd> = None, "kubernetesCRD";
        /// Serves a folder of Kubernetes manifests without a cluster (not in Traefik).
        manifests: Option<Manifests> = None, "manifests";
        /// Serves Traefik's dynamic configuration files.
        file: Option<File> = None, "file";
        also unserved {
            "consul": "The Consul KV provider.";
            "consulCatalog": "The Consul catalog provider.";
            "docker": "The Docker provider.";
            "ecs": "The AWS ECS provider.";
            "etcd": "The etcd provider.";
            "http": "The HTTP provider.";
            "knative": "The Knative provider.";
            "kubernetesGateway": "The Gateway API provider.";
            "kubernetesIngressNGINX": "The provider of ingress-nginx's annotations.";
            "nomad": "The Nomad provider.";
            "plugin": "Providers made of plugins.";
            "redis": "The Redis provider.";
            "rest": "The REST provider.";
            "swarm": "The Docker Swarm provider.";
            "zooKeeper": "The ZooKeeper provider.";
        }
    }

    /// Traefik's dynamic configuration files.
    File {
        /// The folder of files; those in folders below count too.
        directory: Option<PathBuf> = None, "directory";
        /// One file, instead of a folder.
        filename: Option<PathBuf> = None, "filename";
        /// Follows changes.
        watch: bool = true, "watch";
        /// Writes what templates made to the log, at level debug.
        debug_log_generated_template: bool = false, "debugLogGeneratedTemplate";
    }
}

/// A way to an API server outside of a cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ApiServer {
    /// Its URL; empty if none is named.
    pub endpoint: String,
    /// A bearer token, or the path of a file that holds one.
    pub token: Secret,
    /// A file with the authorities of its certificate.
    pub cert_auth_file_path: Option<PathBuf>,
}

/// Ingress objects of a Kubernetes cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KubernetesIngress {
    /// The way to the cluster.
    pub server: ApiServer,
    /// The objects that count, and their translation.
    pub provider: IngressProvider,
}

/// Traefik's custom resources of a Kubernetes cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KubernetesCrd {
    /// The way to the cluster.
    pub server: ApiServer,
    /// The objects that count, and their translation, but for `safe_naming` below.
    pub provider: CrdProvider,
    /// As in [`CrdOptions`]; `None` if it is not set.
    pub safe_naming: Option<bool>,
}

/// A folder of Kubernetes manifests.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifests {
    /// The folder.
    pub directory: PathBuf,
    /// True if changes are followed.
    pub watch: bool,
    /// The namespaces whose manifests count; none is all.
    pub namespaces: Vec<String>,
    /// The label selector of Ingresses and custom resources.
    pub label_selector: String,
    /// The least time between two reads of the folder.
    pub throttle: Duration,
    /// The translation of Ingresses. What custom resources have too counts for both.
    pub ingress: IngressOptions,
    /// The translation of custom resources, but for what Ingresses have too.
    pub crd: CrdOptions,
}

impl Default for Manifests {
    fn default() -> Self {
        Self {
            directory: PathBuf::new(),
            watch: true,
            namespaces: Vec::new(),
            label_selector: String::new(),
            throttle: Duration::ZERO,
            ingress: IngressOptions { allow_external_name_services: true, ..IngressOptions::default() },
            crd: CrdOptions::default(),
        }
    }
}

options_of! {
    KubernetesIngress {
        /// The API server, outside of a cluster.
        server.endpoint: String, "endpoint";
        /// The bearer token or the path of a file that holds it, outside of a cluster.
        server.token: Secret, "token";
        /// The file of the API server's CA, outside of a cluster.
        server.cert_auth_file_path: Option<PathBuf>, "certAuthFilePath";
        /// The namespaces to watch; none is all.
        provider.namespaces: Vec<String>, "namespaces";
        /// Only Ingress objects with these labels.
        provider.label_selector: String, "labelSelector";
        /// Only Ingress objects and IngressRoutes of this class.
        provider.options.ingress_class: String, "ingressClass";
        /// The address to write into the status of Ingress objects.
        provider.options.ingress_endpoint: IngressEndpoint, "ingressEndpoint";
        /// The shortest time between two reads of the cluster's objects.
        provider.throttle: Duration, "throttleDuration";
        /// A Service without endpoints answers 503 instead of having no route.
        provider.options.allow_empty_services: bool, "allowEmptyServices";
        /// Services of type ExternalName may be used.
        provider.options.allow_external_name_services: bool, "allowExternalNameServices";
        /// The namespaces whose objects may refer to other providers' objects; unset is all, empty is none.
        provider.options.cross_provider_namespaces: Option<Vec<String>>, "crossProviderNamespaces";
        /// Does not read IngressClass objects (deprecated for disableClusterScopeResources).
        provider.options.disable_ingress_class_lookup: bool, "disableIngressClassLookup";
        /// Reads neither IngressClass nor Node objects.
        provider.options.disable_cluster_scope_resources: bool, "disableClusterScopeResources";
        /// Sends to a Service's cluster address unless it says otherwise.
        provider.options.native_lb_by_default: bool, "nativeLBByDefault";
        /// A Prefix path matches whole path elements, as the Ingress specification has it.
        provider.options.strict_prefix_matching: bool, "strictPrefixMatching";
        /// Publishes the addresses of nodes within the cluster, where the published Service is of the type NodePort.
        provider.options.report_node_internal_ips: bool, "reportNodeInternalIPs";
    }

    IngressEndpoint {
        /// An IP address.
        ip: String, "ip";
        /// A host name.
        hostname: String, "hostname";
        /// The Service, as `namespace/name`, whose addresses are copied.
        published_service: String, "publishedService";
    }

    KubernetesCrd {
        /// The API server, outside of a cluster.
        server.endpoint: String, "endpoint";
        /// The bearer token or the path of a file that holds it, outside of a cluster.
        server.token: Secret, "token";
        /// The file of the API server's CA, outside of a cluster.
        server.cert_auth_file_path: Option<PathBuf>, "certAuthFilePath";
        /// Objects may refer to objects of other namespaces.
        provider.options.allow_cross_namespace: bool, "allowCrossNamespace";
        /// Services of type ExternalName may be used.
        provider.options.allow_external_name_services: bool, "allowExternalNameServices";
        /// The namespaces whose objects may refer to other providers' objects; unset is all, empty is none.
        provider.options.cross_provider_namespaces: Option<Vec<String>>, "crossProviderNamespaces";
        /// The namespaces to watch; none is all.
        provider.namespaces: Vec<String>, "namespaces";
        /// Only custom resources with these labels.
        provider.label_selector: String, "labelSelector";
        /// Only IngressRoutes of this class.
        provider.options.ingress_class: String, "ingressClass";
        /// The shortest time between two reads of the cluster's objects.
        provider.throttle: Duration, "throttleDuration";
        /// A Service without endpoints answers 503 instead of having no route.
        provider.options.allow_empty_services: bool, "allowEmptyServices";
        /// Sends to a Service's cluster address unless it says otherwise.
        provider.options.native_lb_by_default: bool, "nativeLBByDefault";
        /// Does not read Node objects.
        provider.options.disable_cluster_scope_resources: bool, "disableClusterScopeResources";
        /// The only namespace whose TLSOption and TLSStore named `default` count; empty is any.
        provider.options.default_tls_resources_namespace: String, "defaultTLSResourcesNamespace";
        /// Names of objects have `_` between namespace and name, so that no two can be the same (unset: false and a warning).
        safe_naming: Option<bool>, "safeNaming";
    }

    Manifests {
        /// The folder.
        directory: PathBuf, "directory", required;
        /// Follows changes.
        watch: bool, "watch";
        /// The namespaces whose manifests count; none is all.
        namespaces: Vec<String>, "namespaces";
        /// Only Ingress objects and custom resources with these labels.
        label_selector: String, "labelSelector";
        /// Only Ingress objects and IngressRoutes of this class.
        ingress.ingress_class: String, "ingressClass";
        /// The shortest time between two reads of the folder.
        throttle: Duration, "throttleDuration";
        /// Objects may refer to objects of other namespaces.
        crd.allow_cross_namespace: bool, "allowCrossNamespace";
        /// A Service without endpoints answers 503 instead of having no route.
        ingress.allow_empty_services: bool, "allowEmptyServices";
        /// Services of type ExternalName may be used; on unlike in a cluster, as that is how a folder names a backend.
        ingress.allow_external_name_services: bool, "allowExternalNameServices";
        /// The namespaces whose objects may refer to other providers' objects; unset is all, empty is none.
        ingress.cross_provider_namespaces: Option<Vec<String>>, "crossProviderNamespaces";
        /// Does not read IngressClass objects (deprecated for disableClusterScopeResources).
        ingress.disable_ingress_class_lookup: bool, "disableIngressClassLookup";
        /// Reads neither IngressClass nor Node objects.
        ingress.disable_cluster_scope_resources: bool, "disableClusterScopeResources";
        /// Sends to a Service's cluster address unless it says otherwise.
        ingress.native_lb_by_default: bool, "nativeLBByDefault";
        /// A Prefix path matches whole path elements, as the Ingress specification has it.
        ingress.strict_prefix_matching: bool, "strictPrefixMatching";
        /// The only namespace whose TLSOption and TLSStore named `default` count; empty is any.
        crd.default_tls_resources_namespace: String, "defaultTLSResourcesNamespace";
        /// Names of objects have `_` between namespace and name, so that no two can be the same.
        crd.safe_naming: bool, "safeNaming";
    }
}
