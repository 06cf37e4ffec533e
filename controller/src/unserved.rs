//! Kinds and API versions that configure routes, protection or certificates elsewhere and are not served here.

use crate::crd::{Group, VERSION, custom_names};
use flow_acme::objects::{ACME_GROUP, GROUP as CERT_MANAGER};
use flow_model::nearest;

/// The controller name in GatewayClasses of Traefik.
pub(crate) const CONTROLLER: &str = "traefik.io/gateway-controller";
/// The API group of the Gateway API.
pub(crate) const GATEWAY: &str = "gateway.networking.k8s.io";
/// cert-manager's API group until its version 0.11.
pub(crate) const OLD_CERT_MANAGER: &str = "certmanager.k8s.io";

/// A kind that is not served.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Unserved {
    /// Its name.
    pub(crate) kind: &'static str,
    /// Its name in paths of the API.
    pub(crate) plural: &'static str,
    /// The effect that is missing here, and the replacement.
    pub(crate) way_out: &'static str,
}

const STREAMS: &str = "only HTTP is proxied";

/// Traefik's kinds that are not served, of both of its groups.
pub(crate) const TRAEFIK: [Unserved; 4] = [
    Unserved { kind: "IngressRouteTCP", plural: "ingressroutetcps", way_out: STREAMS },
    Unserved { kind: "IngressRouteUDP", plural: "ingressrouteudps", way_out: STREAMS },
    Unserved { kind: "MiddlewareTCP", plural: "middlewaretcps", way_out: STREAMS },
    Unserved { kind: "ServersTransportTCP", plural: "serverstransporttcps", way_out: STREAMS },
];

const INGRESS: &str = "write an Ingress";

/// Kinds of the Gateway API.
pub(crate) const GATEWAYS: [Unserved; 7] = [
    Unserved { kind: "GRPCRoute", plural: "grpcroutes", way_out: INGRESS },
    Unserved { kind: "Gateway", plural: "gateways", way_out: INGRESS },
    Unserved { kind: "GatewayClass", plural: "gatewayclasses", way_out: INGRESS },
    Unserved { kind: "HTTPRoute", plural: "httproutes", way_out: INGRESS },
    Unserved { kind: "TCPRoute", plural: "tcproutes", way_out: STREAMS },
    Unserved { kind: "TLSRoute", plural: "tlsroutes", way_out: STREAMS },
    Unserved { kind: "UDPRoute", plural: "udproutes", way_out: STREAMS },
];

/// Kinds of Kubernetes that are read, with the only version in which they are.
const READ: [(&str, &str); 8] = [
    ("ConfigMap", "v1"),
    ("Endpoints", "v1"),
    ("EndpointSlice", "discovery.k8s.io/v1"),
    ("Ingress", "networking.k8s.io/v1"),
    ("IngressClass", "networking.k8s.io/v1"),
    ("Node", "v1"),
    ("Secret", "v1"),
    ("Service", "v1"),
];

/// Groups whose objects route, protect or issue elsewhere, with their projects.
const FOREIGN: [(&str, &str); 20] = [
    ("apisix.apache.org", "APISIX"),
    ("cloud.google.com", "Google's load balancer"),
    ("configuration.konghq.com", "Kong"),
    ("core.haproxy.org", "HAProxy"),
    ("elbv2.k8s.aws", "AWS' load balancer"),
    ("externaldns.k8s.io", "external-dns"),
    ("getambassador.io", "Emissary"),
    ("helm.cattle.io", "k3s, which installs charts"),
    ("helm.toolkit.fluxcd.io", "Flux, which installs charts"),
    ("hub.traefik.io", "Traefik Hub"),
    ("ingress.v1.haproxy.org", "HAProxy"),
    ("ingress.v3.haproxy.org", "HAProxy"),
    ("k8s.nginx.org", "NGINX' own controller"),
    ("networking.gke.io", "Google's load balancer"),
    ("networking.istio.io", "Istio"),
    ("networking.x-k8s.io", "the Gateway API"),
    ("gateway.networking.x-k8s.io", "the Gateway API"),
    ("projectcontour.io", "Contour"),
    ("route.openshift.io", "OpenShift"),
    ("security.istio.io", "Istio"),
];

/// Returns the finding about a manifest of a kind or version that is not read; `None` for kinds that have nothing to do
/// with a proxy.
pub(crate) fn words(api_version: &str, kind: &str) -> Option<String> {
    let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
    if Group::ALL.into_iter().any(|known| known.name() == group) {
        return Some(traefik(group, version, kind));
    }
    if group == GATEWAY {
        return Some("the Gateway API is not served: write an Ingress".to_owned());
    }
    if let Some(found) = certificates(group, version, kind) {
        return Some(found);
    }
    if let Some((_, whose)) = FOREIGN.iter().find(|(foreign, _)| *foreign == group) {
        return Some(format!("it is a kind of {whose} and is not served"));
    }
    kubernetes(api_version, group, kind)
}

fn traefik(group: &str, version: &str, kind: &str) -> String {
    if let Some(known) = TRAEFIK.iter().find(|known| known.kind == kind) {
        return format!("it is not served: {}", known.way_out);
    }
    if custom_names().any(|served| served == kind) {
        return format!("the version {version} of it is not read: write {group}/{VERSION}");
    }
    let names = custom_names().chain(TRAEFIK.iter().map(|known| known.kind));
    let hint = nearest::name(kind, names).map_or_else(String::new, |near| format!(", did you mean {near}?"));
    format!("there is no such kind in {group}{hint}")
}

fn certificates(group: &str, version: &str, kind: &str) -> Option<String> {
    if group == OLD_CERT_MANAGER {
        return Some(format!("the group {group} is not read: write {CERT_MANAGER}/v1"));
    }
    if group != CERT_MANAGER && group != ACME_GROUP {
        return None;
    }
    Some(if version == "v1" {
        "it is made where a Certificate is issued; from a folder it is not read".to_owned()
    } else {
        match kind {
            "Certificate" | "ClusterIssuer" | "Issuer" => {
                format!("the version {version} of it is not read: write {group}/v1")
            }
            _ => format!("there is no such kind in {CERT_MANAGER}/v1"),
        }
    })
}

/// Returns the finding about a kind that is read, in another version or group, or with a typo in its name.
fn kubernetes(api_version: &str, group: &str, kind: &str) -> Option<String> {
    let is_plain = group.is_empty() || group == "extensions" || group.ends_with(".k8s.io") || !group.contains('.');
    if let Some((_, read)) = READ.iter().find(|(known, _)| *known == kind) {
        let backends = if kind == "Ingress" && api_version.contains("beta") {
            ", where a backend is `service: {name: …, port: {number: …}}` and each path has a pathType"
        } else {
            ""
        };
        return is_plain.then(|| format!("the version {api_version} of it is not read: write {read}{backends}"));
    }
    let mut of_traefik = custom_names().chain(TRAEFIK.iter().map(|known| known.kind));
    if of_traefik.any(|known| known == kind) {
        return Some(format!("{api_version} is not read: Traefik's kinds are those of traefik.io/{VERSION}"));
    }
    let (near, read) = READ.iter().find(|(known, read)| *read == api_version && nearest::is_slip(kind, known))?;
    Some(format!("there is no such kind in {read}, did you mean {near}?"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn kinds_and_versions_are_told_with_a_way_out() {
        for (api_version, kind, part) in [
            ("traefik.io/v1alpha1", "IngressRouteTCP", "only HTTP is proxied"),
            ("traefik.containo.us/v1alpha1", "MiddlewareTCP", "only HTTP"),
            ("traefik.io/v1", "Middleware", "write traefik.io/v1alpha1"),
            ("traefik.io/v1alpha1", "MiddleWare", "did you mean Middleware?"),
            ("extensions/v1beta1", "Ingress", "extensions/v1beta1 of it is not read: write networking.k8s.io/v1"),
            ("networking.k8s.io/v1beta1", "IngressClass", "write networking.k8s.io/v1"),
            ("networking.k8s.io", "Ingress", "write networking.k8s.io/v1"),
            ("networking.k8s.io/v1", "Ingres", "did you mean Ingress?"),
            ("v1beta1", "Service", "write v1"),
            ("gateway.networking.k8s.io/v1", "HTTPRoute", "Gateway API"),
            ("certmanager.k8s.io/v1alpha1", "Certificate", "write cert-manager.io/v1"),
            ("cert-manager.io/v1alpha2", "ClusterIssuer", "write cert-manager.io/v1"),
            ("acme.cert-manager.io/v1", "Order", "not read"),
            ("helm.cattle.io/v1", "HelmChartConfig", "k3s"),
            ("networking.istio.io/v1", "VirtualService", "Istio"),
            ("traefik/v1alpha1", "TLSOption", "traefik.io/v1alpha1"),
        ] {
            let said = words(api_version, kind).unwrap_or_else(|| panic!("{kind} {api_version}"));
            assert!(said.contains(part), "{kind} {api_version}: {said}");
        }
    }

    #[test]
    fn kinds_of_other_matters_are_not_told() {
        for (api_version, kind) in [
            ("apps/v1", "Deployment"),
            ("v1", "Namespace"),
            ("v1", "ServiceAccount"),
            ("networking.k8s.io/v1", "NetworkPolicy"),
            ("serving.knative.dev/v1", "Service"),
            ("networking.internal.knative.dev/v1alpha1", "Ingress"),
            ("config.openshift.io/v1", "Ingress"),
            ("rbac.authorization.k8s.io/v1", "Role"),
        ] {
            assert_eq!(words(api_version, kind), None, "{kind} {api_version}");
        }
    }
}
