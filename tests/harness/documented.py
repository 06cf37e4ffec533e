"""A proxy that has read every page of `fixtures/documentation`, Traefik's examples written anew, in one language."""

import shutil

import yaml

from . import objects, paths, pki
from .backends import ADDRESSES, HTTP
from .proxy import Proxy

PAGES = paths.TESTS / "fixtures" / "documentation"
SUFFIX = "documentation.test"
LANGUAGES = ["kubernetes", "yaml", "toml"]

# The page that needs a certification authority, which `test_acme_files` has.
RESOLVERS = "certificate-resolvers"


def host(name):
    return f"{name}.{SUFFIX}"


def write_material(folder):
    """Writes the files that examples name: users, and certificates with their keys and authorities."""
    (folder / "basic-users").write_text("anna:$apr1$q8Zt1xYw$ORU.BpVDRpy7Q7BSO28Sj0\n")
    (folder / "digest-users").write_text("anna:house:c99247c6f4811676d878f5f32e4a5f09\n")
    pki.leaf("client", client=True).write(folder, "client")
    for stem in ("site", "other-site", "default"):
        pki.leaf(host(stem)).write(folder, stem)
    (folder / "ca.crt").write_text(pki.authority().pem)
    (folder / "other-ca.crt").write_text(pki.new_ca("Another").pem)


def start(language, folder, material):
    """The proxy, on an empty folder."""
    names = []
    for path in sorted((PAGES / language).iterdir()):
        if path.stem != RESOLVERS:
            shutil.copy(path, folder)
            names += _middlewares((PAGES / language.replace("toml", "yaml") / path.stem).with_suffix(".yaml"))
    if language == "kubernetes":
        flag, own = "--providers.manifests.directory", [*_secrets(material), *(_route(name) for name in names)]
    else:
        flag, own = "--providers.file.directory", [_routers(names)]
    (folder / "own.yaml").write_text(yaml.safe_dump_all(own))
    trusting = [f"--entrypoints.{name}.forwardedheaders.insecure=true" for name in ("web", "websecure")]
    return Proxy(f"{flag}={folder}", *trusting, env={"DOCUMENTED": str(material)}, name=f"documented-{language}")


def _middlewares(page):
    """The names of the middlewares of a page."""
    names = []
    for item in yaml.safe_load_all(page.read_text()):
        if item.get("kind") == "Middleware":
            names.append(item["metadata"]["name"])
        names += item.get("http", {}).get("middlewares", [])
    return names


def _route(name):
    service = {"name": "backend", "port": 80}
    route = {"match": f"Host(`{host(name)}`)", "kind": "Rule", "services": [service], "middlewares": [{"name": name}]}
    return objects.custom("IngressRoute", f"of-{name}", "default", {"routes": [route]})


def _routers(names):
    routers = {f"of-{name}": {"rule": f"Host(`{host(name)}`)", "service": "backend", "middlewares": [name]} for name in names}
    service = {"loadBalancer": {"servers": [{"url": f"http://{ADDRESSES[0]}:{HTTP}"}]}}
    return {"http": {"routers": routers, "services": {"backend": service}}}


def _secrets(material):
    """The files as Secrets and a ConfigMap."""

    def text(name):
        return (material / name).read_text()

    def pair(name, stem):
        return objects.secret(name, "default", {"tls.crt": text(f"{stem}.crt"), "tls.key": text(f"{stem}.key")}, "kubernetes.io/tls")

    authorities = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": objects.meta("authorities", "default"), "data": {"ca.crt": text("other-ca.crt")}}
    return [
        authorities,
        objects.secret("authority", "default", {"tls.ca": text("ca.crt")}),
        objects.secret("other-authority", "default", {"ca.crt": text("other-ca.crt")}),
        *(pair(name, name) for name in ("client", "site", "other-site")),
        pair("default-certificate", "default"),
    ]
