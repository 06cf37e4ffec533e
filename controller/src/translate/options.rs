use serde::Deserialize;

/// The options of translation from the static configuration; `None` is a provider that is off.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Options {
    /// `providers.kubernetesIngress`
    pub ingress: Option<IngressOptions>,
    /// `providers.kubernetesCRD`
    pub crd: Option<CrdOptions>,
}

/// Options of `providers.kubernetesIngress` that translation reads; the defaults are Traefik's.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct IngressOptions {
    /// `ingressClass`: the only class that is served; empty serves every class of ours.
    pub ingress_class: String,
    /// `ingressEndpoint`: the source of the addresses that are published for Ingresses.
    pub ingress_endpoint: IngressEndpoint,
    /// `allowEmptyServices`: requests to a backend without endpoints get 503 instead of not being routed.
    pub allow_empty_services: bool,
    /// `allowExternalNameServices`: Services of the type ExternalName are served.
    pub allow_external_name_services: bool,
    /// `crossProviderNamespaces`: namespaces whose objects may refer to other providers; `None` is all.
    pub cross_provider_namespaces: Option<Vec<String>>,
    /// `disableIngressClassLookup`: IngressClass objects are not read.
    pub disable_ingress_class_lookup: bool,
    /// `disableClusterScopeResources`: neither IngressClasses nor Nodes are read.
    pub disable_cluster_scope_resources: bool,
    /// `nativeLBByDefault`: a Service's own address is used instead of its endpoints'.
    #[serde(rename = "nativeLBByDefault")]
    pub native_lb_by_default: bool,
    /// `strictPrefixMatching`: a prefix ends where a path segment ends.
    pub strict_prefix_matching: bool,
    /// `reportNodeInternalIPs`: the Nodes' addresses within the cluster are published for a Service of type NodePort,
    /// not those for clients outside.
    #[serde(rename = "reportNodeInternalIPs")]
    pub report_node_internal_ips: bool,
    /// True if `core.defaultRuleSyntax` is `v2`.
    pub default_rule_syntax_v2: bool,
}

/// The address that is published for Ingresses; with all fields empty, nothing is published.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct IngressEndpoint {
    /// An IP address.
    pub ip: String,
    /// A host name.
    pub hostname: String,
    /// The Service to copy addresses from, `namespace/name`; it takes precedence over the two others.
    pub published_service: String,
}

/// Options of `providers.kubernetesCRD` that translation reads; the defaults are Traefik's.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct CrdOptions {
    /// `allowCrossNamespace`: objects may refer to those of other namespaces.
    pub allow_cross_namespace: bool,
    /// `allowEmptyServices`: requests to a Service without endpoints get 503 instead of not being routed.
    pub allow_empty_services: bool,
    /// `allowExternalNameServices`: Services of the type ExternalName are served.
    pub allow_external_name_services: bool,
    /// `crossProviderNamespaces`: namespaces whose objects may refer to other providers; `None` is all.
    pub cross_provider_namespaces: Option<Vec<String>>,
    /// `defaultTLSResourcesNamespace`: the only namespace whose TLSOption and TLSStore named `default` count; empty is
    /// any.
    #[serde(rename = "defaultTLSResourcesNamespace")]
    pub default_tls_resources_namespace: String,
    /// `disableClusterScopeResources`: Nodes are not read.
    pub disable_cluster_scope_resources: bool,
    /// `ingressClass`: the only class of IngressRoutes that is served; empty is those without a class and of `traefik`.
    pub ingress_class: String,
    /// `nativeLBByDefault`: a Service's own address is used instead of its endpoints', in IngressRoutes.
    #[serde(rename = "nativeLBByDefault")]
    pub native_lb_by_default: bool,
    /// `safeNaming`: names are made with `_` between namespace and name, so that no two objects can have the same one.
    pub safe_naming: bool,
}

impl IngressEndpoint {
    /// True if nothing is published.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ip.is_empty() && self.hostname.is_empty() && self.published_service.is_empty()
    }
}

impl CrdOptions {
    /// Returns the finding about an object named `default` that does not count.
    pub(super) fn is_no_default(&self, namespace: &str) -> Option<String> {
        let only = &self.default_tls_resources_namespace;
        let ignored = !only.is_empty() && only != namespace;
        ignored.then(|| format!("it is ignored: defaultTLSResourcesNamespace says that only default in {only} counts"))
    }
}

/// True if an object of `namespace` may refer to other providers.
pub(super) fn may_cross_providers(namespaces: Option<&[String]>, namespace: &str) -> bool {
    namespaces.is_none_or(|namespaces| namespaces.iter().any(|allowed| allowed == namespace))
}
