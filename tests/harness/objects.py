"""Kubernetes objects as short calls."""

import base64

CRD = "traefik.io/v1alpha1"
LEGACY_CRD = "traefik.containo.us/v1alpha1"
ANNOTATION = "traefik.ingress.kubernetes.io/"


def meta(name, namespace=None, **more):
    return {"name": name, **({"namespace": namespace} if namespace else {}), **more}


def namespace(name):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": meta(name)}


def service(name, namespace, port=80, annotations=None, port_name="web", **spec):
    ports = {} if spec.get("type") == "ExternalName" and port is None else {"ports": [{"name": port_name, "port": port}]}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta(name, namespace, annotations=annotations or {}),
        "spec": {**ports, **spec},
    }


def endpoints(name, namespace, addresses, port=9080, conditions=None, port_name="web", slice_name=None):
    """An EndpointSlice; `conditions` maps an address to its conditions."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": meta(slice_name or f"{name}-1", namespace, labels={"kubernetes.io/service-name": name}),
        "addressType": "IPv4",
        "endpoints": [
            {"addresses": [address], "conditions": (conditions or {}).get(address, {"ready": True})} for address in addresses
        ],
        "ports": [{"name": port_name, "port": port, "protocol": "TCP"}],
    }


def path(backend, port=80, at="/", kind="Prefix"):
    port = {"number": port} if isinstance(port, int) else {"name": port}
    return {"path": at, "pathType": kind, "backend": {"service": {"name": backend, "port": port}}}


def ingress(name, namespace, host, backend="backend", port=80, annotations=None, paths=None, tls=None, **spec):
    """An Ingress with one rule; `annotations` without the prefix `traefik.ingress.kubernetes.io/`."""
    rule = {"http": {"paths": paths or [path(backend, port)]}}
    if host:
        rule["host"] = host
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": meta(name, namespace, annotations={ANNOTATION + k: v for k, v in (annotations or {}).items()}),
        "spec": {"rules": [rule], **({"tls": [{"secretName": s} for s in tls]} if tls else {}), **spec},
    }


def ingress_class(name, controller="traefik.io/ingress-controller"):
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": meta(name),
        "spec": {"controller": controller},
    }


def custom(kind, name, namespace, spec, group=CRD):
    return {"apiVersion": group, "kind": kind, "metadata": meta(name, namespace), "spec": spec}


def middleware(name, namespace, spec, group=CRD):
    return custom("Middleware", name, namespace, spec, group)


def secret(name, namespace, data, kind="Opaque"):
    encoded = {k: base64.b64encode(v.encode() if isinstance(v, str) else v).decode() for k, v in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta(name, namespace), "type": kind, "data": encoded}


def tls_secret(name, namespace, pair):
    """A TLS Secret of a `pki.Pair`."""
    return secret(name, namespace, {"tls.crt": pair.chain_pem, "tls.key": pair.key_pem}, "kubernetes.io/tls")


TRAEFIK_UNSERVED = ["IngressRouteTCP", "IngressRouteUDP", "MiddlewareTCP", "ServersTransportTCP"]
GATEWAY_KINDS = ["Gateway", "GRPCRoute", "HTTPRoute", "TCPRoute", "TLSRoute", "UDPRoute"]


def definition(group, kind, version="v1alpha1", plural=None, scope="Namespaced"):
    """A CustomResourceDefinition that takes everything."""
    plural = plural or kind.lower() + "s"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        # Groups below k8s.io are kept for those that are approved.
        "metadata": {"name": f"{plural}.{group}", "annotations": {"api-approved.kubernetes.io": "unapproved, of a test"}},
        "spec": {
            "group": group,
            "names": {"kind": kind, "listKind": kind + "List", "plural": plural, "singular": kind.lower()},
            "scope": scope,
            "versions": [{"name": version, "served": True, "storage": True, "schema": schema}],
        },
    }


def unserved_definitions():
    """The definitions of the kinds that are told and not served."""
    traefik = [definition(group, kind) for group in ("traefik.io", "traefik.containo.us") for kind in TRAEFIK_UNSERVED]
    gateway = "gateway.networking.k8s.io"
    classes = definition(gateway, "GatewayClass", "v1", "gatewayclasses", "Cluster")
    return [*traefik, classes, *(definition(gateway, kind, "v1") for kind in GATEWAY_KINDS)]
