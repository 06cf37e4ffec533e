"""Further routes, in each program's configuration."""

import json


def hosts(count):
    """`count` names of hosts. Half of them are shorter than the one that is requested and half are longer, so that it is in the
    middle for a proxy that tries the longest rules first."""
    return [f"r{number}" if number % 2 else f"route-{number}.example" for number in range(count)]


def nginx(count, plain):
    lines = [f"server {{ listen 127.0.0.1:{plain}; server_name {host}; location / {{ proxy_pass http://origin; }} }}" for host in hosts(count)]
    return "\n".join(lines)


def haproxy(count):
    """A map of hosts to backends, one on each line."""
    return "".join(f"{host} origin\n" for host in hosts(count))


def traefik(count):
    """Routers of the file provider; JSON is YAML."""
    routers = {
        f"route-{number}": {"entryPoints": ["web"], "rule": f"Host(`{host}`)", "service": "origin"} for number, host in enumerate(hosts(count))
    }
    return json.dumps({"http": {"routers": routers}})


def ingresses(count):
    """An Ingress for each host."""
    return "".join("---\n" + json.dumps(_ingress(number, host)) + "\n" for number, host in enumerate(hosts(count)))


def _ingress(number, host):
    backend = {"service": {"name": "origin", "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {
            "name": f"route-{number}",
            "namespace": "default",
            "annotations": {"traefik.ingress.kubernetes.io/router.entrypoints": "web"},
        },
        "spec": {"rules": [{"host": host, "http": {"paths": [path]}}]},
    }
