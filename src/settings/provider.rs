//! `providers`: the sources of routes.

use super::scalar::Secret;
use super::schema::section;
use std::path::PathBuf;
use std::time::Duration;

section! {
    /// The sources of routes.
    Providers {
        /// The shortest time between two changes that are put into effect (Traefik waits 2s; here a change is live at once).
        providers_throttle_duration: Duration = Duration::ZERO, "providersThrottleDuration";
        /// Serves Ingress objects of a Kubernetes cluster.
        kubernetes_ingress: Option<KubernetesIngress> = None, "kubernetesIngress";
        /// Serves Traefik's custom resources of a Kubernetes cluster.
        kubernetes_crd: Option<KubernetesCrd> = None, "kubernetesCRD";
        /// Serves a folder of Kubernetes manifests without a cluster (not in Traefik).
        manifests: Option<Manifests> = None, "manifests";
        /// Serves Traefik's dynamic configuration files.
        file: Option<File> = None, "file", unserved;
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
            "precedence": "Which provider wins.";
            "redis": "The Redis provider.";
            "rest": "The REST provider.";
            "swarm": "The Docker Swarm provider.";
            "zooKeeper": "The ZooKeeper provider.";
        }
    }

    /// Ingress objects of a Kubernetes cluster.
    KubernetesIngress {
        /// The API server, outside of a cluster.
        endpoint: String = String::new(), "endpoint";
        /// The bearer token or the path of a file that holds it, outside of a cluster.
        token: Secret = Secret::default(), "token";
        /// The file of the API server's CA, outside of a cluster.
        cert_auth_file_path: Option<PathBuf> = None, "certAuthFilePath";
        /// The namespaces to watch; none is all.
        namespaces: Vec<String> = Vec::new(), "namespaces";
        /// Only Ingress objects with these labels.
        label_selector: String = String::new(), "labelSelector";
        /// Only Ingress objects of this class.
        ingress_class: String = String::new(), "ingressClass";
        /// The address to write into the status of Ingress objects.
        ingress_endpoint: IngressEndpoint = IngressEndpoint::default(), "ingressEndpoint";
        /// The shortest time between two reads of the cluster's objects.
        throttle_duration: Duration = Duration::ZERO, "throttleDuration";
        /// A Service without endpoints answers 503 instead of having no route.
        allow_empty_services: bool = false, "allowEmptyServices";
        /// Services of type ExternalName may be used.
        allow_external_name_services: bool = false, "allowExternalNameServices";
        /// The namespaces whose objects may refer to other providers' objects; unset is all, empty is none.
        cross_provider_namespaces: Option<Vec<String>> = None, "crossProviderNamespaces";
        /// Does not read IngressClass objects (deprecated for disableClusterScopeResources).
        disable_ingress_class_lookup: bool = false, "disableIngressClassLookup";
        /// Reads neither IngressClass nor Node objects.
        disable_cluster_scope_resources: bool = false, "disableClusterScopeResources";
        /// Sends to a Service's cluster address unless it says otherwise.
        native_lb_by_default: bool = false, "nativeLBByDefault";
        /// A Prefix path matches whole path elements, as the Ingress specification has it.
        strict_prefix_matching: bool = false, "strictPrefixMatching";
        also unserved {
            "reportNodeInternalIPs": "Internal addresses of nodes in the status.";
        }
    }

    /// The address to write into the status of Ingress objects.
    IngressEndpoint {
        /// An IP address.
        ip: String = String::new(), "ip";
        /// A host name.
        hostname: String = String::new(), "hostname";
        /// The Service, as `namespace/name`, whose addresses are copied.
        published_service: String = String::new(), "publishedService";
    }

    /// Traefik's custom resources of a Kubernetes cluster.
    KubernetesCrd {
        /// The API server, outside of a cluster.
        endpoint: String = String::new(), "endpoint";
        /// The bearer token or the path of a file that holds it, outside of a cluster.
        token: Secret = Secret::default(), "token";
        /// The file of the API server's CA, outside of a cluster.
        cert_auth_file_path: Option<PathBuf> = None, "certAuthFilePath";
        /// Objects may refer to objects of other namespaces.
        allow_cross_namespace: bool = false, "allowCrossNamespace";
        /// Services of type ExternalName may be used (for IngressRoutes, which are not served yet).
        allow_external_name_services: bool = false, "allowExternalNameServices";
        /// The namespaces whose objects may refer to other providers' objects; unset is all, empty is none.
        cross_provider_namespaces: Option<Vec<String>> = None, "crossProviderNamespaces";
        /// The namespaces to watch; none is all.
        namespaces: Vec<String> = Vec::new(), "namespaces";
        /// Only custom resources with these labels.
        label_selector: String = String::new(), "labelSelector";
        /// Only custom resources of this class (for IngressRoutes, which are not served yet).
        ingress_class: String = String::new(), "ingressClass";
        /// The shortest time between two reads of the cluster's objects.
        throttle_duration: Duration = Duration::ZERO, "throttleDuration";
        /// A Service without endpoints answers 503 instead of having no route (for IngressRoutes, which are not served yet).
        allow_empty_services: bool = false, "allowEmptyServices";
        /// Sends to a Service's cluster address unless it says otherwise (for IngressRoutes, which are not served yet).
        native_lb_by_default: bool = false, "nativeLBByDefault";
        /// Does not read Node objects (for IngressRoutes, which are not served yet).
        disable_cluster_scope_resources: bool = false, "disableClusterScopeResources";
        /// The only namespace whose TLSOption and TLSStore named `default` count; empty is any.
        default_tls_resources_namespace: String = String::new(), "defaultTLSResourcesNamespace";
        /// Names of objects have `_` between namespace and name, so that no two can be the same (unset: false and a warning).
        safe_naming: Option<bool> = None, "safeNaming";
    }

    /// A folder of Kubernetes manifests. An option that both Kubernetes providers have counts for both here.
    Manifests {
        /// The folder.
        directory: PathBuf = PathBuf::new(), "directory", required;
        /// Follows changes.
        watch: bool = true, "watch";
        /// The namespaces whose manifests count; none is all.
        namespaces: Vec<String> = Vec::new(), "namespaces";
        /// Only Ingress objects and custom resources with these labels.
        label_selector: String = String::new(), "labelSelector";
        /// Only Ingress objects of this class.
        ingress_class: String = String::new(), "ingressClass";
        /// The shortest time between two reads of the folder.
        throttle_duration: Duration = Duration::ZERO, "throttleDuration";
        /// Objects may refer to objects of other namespaces.
        allow_cross_namespace: bool = false, "allowCrossNamespace";
        /// A Service without endpoints answers 503 instead of having no route.
        allow_empty_services: bool = false, "allowEmptyServices";
        /// Services of type ExternalName may be used; on unlike in a cluster, as that is how a folder names a backend.
        allow_external_name_services: bool = true, "allowExternalNameServices";
        /// The namespaces whose objects may refer to other providers' objects; unset is all, empty is none.
        cross_provider_namespaces: Option<Vec<String>> = None, "crossProviderNamespaces";
        /// Does not read IngressClass objects (deprecated for disableClusterScopeResources).
        disable_ingress_class_lookup: bool = false, "disableIngressClassLookup";
        /// Reads neither IngressClass nor Node objects.
        disable_cluster_scope_resources: bool = false, "disableClusterScopeResources";
        /// Sends to a Service's cluster address unless it says otherwise.
        native_lb_by_default: bool = false, "nativeLBByDefault";
        /// A Prefix path matches whole path elements, as the Ingress specification has it.
        strict_prefix_matching: bool = false, "strictPrefixMatching";
        /// The only namespace whose TLSOption and TLSStore named `default` count; empty is any.
        default_tls_resources_namespace: String = String::new(), "defaultTLSResourcesNamespace";
        /// Names of objects have `_` between namespace and name, so that no two can be the same.
        safe_naming: bool = false, "safeNaming";
    }

    /// Traefik's dynamic configuration files.
    File {
        /// A folder of files.
        directory: Option<PathBuf> = None, "directory";
        /// One file.
        filename: Option<PathBuf> = None, "filename";
        /// Follows changes.
        watch: bool = true, "watch";
        also unserved {
            "debugLogGeneratedTemplate": "Writes what templates made to the log.";
        }
    }
}
