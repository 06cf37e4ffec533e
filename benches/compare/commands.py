"""The start of each program: its command, its environment and its configuration, which is written to a folder of its own."""

import pathlib

from . import routes, template

# The folder of Debian's nginx modules, which are packages of their own.
NGINX_BROTLI = pathlib.Path("/usr/lib/nginx/modules/ngx_http_brotli_filter_module.so")


def nginx(subject, values, features, folder):
    count = values["route_count"]
    more = {"nginx_brotli": NGINX_BROTLI, "routes": routes.nginx(count, values["plain"])}
    return [subject.path, "-c", _write(folder, "nginx.conf", {**values, **more}, features), "-e", "stderr"], {}


def haproxy(subject, values, features, folder):
    table = folder / "routes.map"
    table.write_text(routes.haproxy(values["route_count"]))
    return [subject.path, "-f", _write(folder, "haproxy.cfg", {**values, "routes_map": table}, features), "-db"], {}


def caddy(subject, values, features, folder):
    command = [subject.path, "run", "--config", _write(folder, "Caddyfile", values, features), "--adapter", "caddyfile"]
    return command, _go(values, folder)


def traefik(subject, values, features, folder):
    # Not traefik.yaml, which would be its static configuration.
    _write(folder, "traefik-dynamic.yaml", values, features)
    if values["route_count"]:
        (folder / "routes.yaml").write_text(routes.traefik(values["route_count"]))
    limits = [
        f"--entrypoints.{point}.transport.respondingtimeouts.{limit}"
        for point in ("web", "websecure")
        for limit in ("readtimeout=0", "idletimeout=600s")
    ]
    # Its log has no buffer but a queue of lines.
    return [subject.path, *_flags(values), *limits, *_log(values, features, "--accesslog.bufferingsize=1000"),
            f"--providers.file.directory={folder}", "--global.checknewversion=false"], _go(values, folder)


def flow_proxy(subject, values, features, folder):
    _write(folder, "flow-proxy.yaml", values, features)
    (folder / "routes.yaml").write_text(routes.ingresses(values["route_count"]))
    return [subject.path, f"--workers={values['workers']}", *_flags(values), *_log(values, features),
            "--entrypoints.websecure.http.tls=true", f"--providers.manifests.directory={folder}", *subject.flags], {}


BY_KIND = {"nginx": nginx, "haproxy": haproxy, "caddy": caddy, "traefik": traefik, "flow-proxy": flow_proxy}


def _flags(values):
    """Flags that Traefik and flow-proxy share."""
    return [
        f"--entrypoints.web.address=127.0.0.1:{values['plain']}",
        f"--entrypoints.websecure.address=127.0.0.1:{values['tls']}",
        f"--entrypoints.traefik.address=127.0.0.1:{values['admin']}",
        "--metrics.prometheus=true",
        "--serverstransport.maxidleconnsperhost=1024",
    ]


def _log(values, features, *more):
    return ["--accesslog=true", f"--accesslog.filepath={values['log']}", *more] if "log" in features else []


def _go(values, folder):
    """The environment of a Go program: one worker is one processor. It has more threads, all on the subject's core."""
    return {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "GOMAXPROCS": str(values["workers"])}


def _write(folder, name, values, features):
    file = folder / name
    file.write_text(template.render(name, values, features))
    return file
