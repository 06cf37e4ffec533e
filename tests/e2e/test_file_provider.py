"""Traefik's dynamic configuration files: YAML and TOML, one file and a folder, watched."""

import json
import os
import signal
import ssl
import subprocess

import pytest
import yaml
from harness import changes, clients, objects, paths, pki
from harness.backends import ADDRESSES, CERTIFICATE_NAME, HTTP, HTTPS
from harness.proxy import Proxy
from harness.waiting import consistently, eventually

URL = f"http://{ADDRESSES[0]}:{HTTP}"


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "dynamic"
    folder.mkdir()
    return folder


@pytest.fixture
def own(folder, backends):
    """A proxy that reads the folder, which has one file with the host static.test."""
    write(folder / "base.yaml", http("static.test"))
    with Proxy(f"--providers.file.directory={folder}") as running:
        running.served("static.test")
        yield running


def http(host, middlewares=(), url=URL, name=None, **more):
    """The configuration of one host: a router, its service, and middlewares made of specs."""
    name = name or host.replace(".", "-")
    specs = {f"{name}-{i}": spec for i, spec in enumerate(middlewares)}
    router = {"rule": f"Host(`{host}`)", "service": name, "entryPoints": ["web"], "middlewares": list(specs), **more}
    services = {name: {"loadBalancer": {"servers": [{"url": url}]}}}
    return {"http": {"routers": {name: router}, "services": services, **({"middlewares": specs} if specs else {})}}


def merged(*configurations):
    """One configuration of several."""
    result = {}
    for configuration in configurations:
        for top, groups in configuration.items():
            for group, entries in groups.items():
                result.setdefault(top, {}).setdefault(group, {}).update(entries)
    return result


def write(path, content):
    """A file put in place at once, as most editors do."""
    new = path.with_name(path.name + ".new")
    new.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    new.rename(path)


def diagnostics(proxy):
    """The messages of findings about files, with their places."""
    return [f"{d['subject']['name']}: {d['message']}" for d in proxy.api("/diagnostics") if d["subject"]["kind"] == "File"]


def told(proxy, *words):
    """The finding that has all these words, once it is there."""
    return eventually(lambda: next((d for d in diagnostics(proxy) if all(w in d for w in words)), None), what=f"{words} in {diagnostics(proxy)}")


def untold(proxy):
    eventually(lambda: not diagnostics(proxy), what=f"no finding in {diagnostics(proxy)}")


# --- one configuration in both languages ----------------------------------------------------------------------------------

TOML = f"""
[http.routers.shop]
rule = "Host(`shop.test`)"
service = "shop"
entryPoints = ["web"]
middlewares = ["chain"]

[http.services.shop]
[[http.services.shop.loadBalancer.servers]]
url = "{URL}"

[http.middlewares.chain.chain]
middlewares = ["prefix", "mark"]

[http.middlewares.prefix.addPrefix]
prefix = "/shop"

[http.middlewares.mark.headers.customRequestHeaders]
X-Mark = "made"
X-Number = 7
"""


@pytest.mark.parametrize("kind", ["toml", "yaml", "yml"])
def test_both_languages(kind, folder, backends):
    file = folder / f"dynamic.{kind}"
    chain = {
        "chain": {"chain": {"middlewares": ["prefix", "mark"]}},
        "prefix": {"addPrefix": {"prefix": "/shop"}},
        "mark": {"headers": {"customRequestHeaders": {"X-Mark": "made", "X-Number": 7}}},
    }
    router = {"rule": "Host(`shop.test`)", "service": "shop", "entryPoints": ["web"], "middlewares": ["chain"]}
    same = {"http": {"routers": {"shop": router}, "services": http("shop.test", name="shop")["http"]["services"], "middlewares": chain}}
    write(file, TOML if kind == "toml" else same)
    with Proxy(f"--providers.file.filename={file}") as own:
        answer = own.served("shop.test", "/x")
        assert answer.json()["target"] == "/shop/x"
        assert (answer.seen("x-mark"), answer.seen("x-number")) == ("made", "7")
        shown = own.api("/http/routers/shop@file")
        assert (shown["provider"], shown["status"], shown["using"]) == ("file", "enabled", ["web"])
        assert own.api("/http/middlewares/prefix@file")["provider"] == "file"
        assert own.api("/http/services/shop@file")["loadBalancer"]["servers"] == [{"url": URL}]
        assert "File" in own.api("/overview")["providers"]
        assert diagnostics(own) == []


# --- changes ---------------------------------------------------------------------------------------------------------------


def test_file_that_comes_changes_and_goes(own, folder):
    file = folder / "more.yaml"
    write(file, merged(http("one.test"), http("two.test")))
    own.served("one.test")
    own.served("two.test")
    write(file, merged(http("two.test"), http("three.test")))
    own.served("three.test")
    assert own.get("one.test").status == 404
    (folder / "below" / "deep").mkdir(parents=True)
    write(folder / "below" / "deep" / "more.yml", http("deep.test"))
    own.served("deep.test")
    file.unlink()
    own.served("three.test", status=404)
    assert own.get("static.test").status == 200


def test_file_written_in_place_and_in_steps(own, folder):
    text = json.dumps(http("steps.test"))
    with open(folder / "steps.yaml", "w") as file:
        file.write(text[: len(text) // 2])
        file.flush()
        told(own, "steps.yaml")
        file.write(text[len(text) // 2 :])
    own.served("steps.test")
    untold(own)


def test_broken_file_keeps_its_last_good_state(own, folder):
    write(folder / "a.yaml", http("a.test"))
    own.served("a.test")
    write(folder / "a.yaml", "http:\n  routers:\n    a-test:\n      rulle: Host(`a.test`)\n")
    found = told(own, "a.yaml:4:7", "http.routers.a-test.rulle", "did you mean rule?", "last good state")
    write(folder / "b.yaml", http("b.test"))
    own.served("b.test")
    assert own.get("a.test").status == 200
    assert any(found.split(": ", 1)[1] in line for line in own.log().splitlines())
    write(folder / "a.yaml", "http: {routers: {a-test: [\n")
    told(own, "a.yaml:2:1", "last good state")
    assert own.get("a.test").status == 200
    write(folder / "a.yaml", http("a.test", [{"addPrefix": {"prefix": "/new"}}]))
    eventually(lambda: own.get("a.test", "/x").json()["target"] == "/new/x", what="the mended file")
    untold(own)


def test_emptied_file_is_no_moment_without_routes(own, folder):
    write(folder / "a.yaml", http("a.test"))
    own.served("a.test")
    text = (folder / "a.yaml").read_text()
    for i in range(5):
        with open(folder / "a.yaml", "w") as file:
            consistently(lambda: own.get("a.test").status == 200, 0.1)
            file.write(text.replace("a-test", f"a{i}-test"))
        eventually(lambda i=i: own.api("/http/routers/a%d-test@file" % i), what="the new name")
        assert own.get("a.test").status == 200
    write(folder / "a.yaml", "")
    own.served("a.test", status=404)


def test_mounted_config_map(folder, backends):
    """As a kubelet does it: a folder for each version, and one link that is swapped."""

    def version(number, host):
        (folder / f"..{number}").mkdir()
        write(folder / f"..{number}" / "dynamic.yaml", http(host))
        os.symlink(f"..{number}", folder / "..data_tmp")
        os.rename(folder / "..data_tmp", folder / "..data")

    version(1, "first.test")
    os.symlink("..data/dynamic.yaml", folder / "dynamic.yaml")
    with Proxy(f"--providers.file.directory={folder}") as whole, Proxy(f"--providers.file.filename={folder}/dynamic.yaml") as single:
        for own in (whole, single):
            own.served("first.test")
            assert diagnostics(own) == []
        version(2, "second.test")
        for own in (whole, single):
            own.served("second.test")
            assert own.get("first.test").status == 404


def test_link_to_a_file_elsewhere(own, folder, tmp_path):
    (tmp_path / "elsewhere.yaml").write_text(json.dumps(http("first.test")))
    os.symlink(tmp_path / "elsewhere.yaml", folder / "link.yaml")
    own.served("first.test")
    (tmp_path / "elsewhere.yaml").write_text(json.dumps(http("second.test")))
    own.served("second.test")
    write(tmp_path / "elsewhere.yaml", http("third.test"))
    own.served("third.test")


@pytest.mark.parametrize("option", ["directory", "filename"])
def test_what_is_not_there_yet(option, tmp_path, backends):
    folder = tmp_path / "not" / "yet"
    target = folder if option == "directory" else folder / "dynamic.yaml"
    with Proxy(f"--providers.file.{option}={target}") as own:
        told(own, str(target), "it cannot be read")
        folder.mkdir(parents=True)
        write(folder / "dynamic.yaml", http("late.test"))
        own.served("late.test")
        untold(own)


def test_unwatched_files_are_read_again_on_sighup(folder, backends):
    write(folder / "a.yaml", http("a.test"))
    with Proxy(f"--providers.file.directory={folder}", "--providers.file.watch=false") as own:
        own.served("a.test")
        write(folder / "a.yaml", http("b.test"))
        consistently(lambda: own.get("b.test").status == 404)
        own.process.child.send_signal(signal.SIGHUP)
        own.served("b.test")


def test_change_is_served_soon(own, folder, figures):
    latencies = changes.file_latencies(own, lambda host: write(folder / "soon.yaml", http(host)))
    figures(f"a changed dynamic configuration file is served after {latencies[10] * 1e3:.0f} ms (median), {latencies[-1] * 1e3:.0f} ms (worst of 20)")
    assert latencies[10] < 0.5


def test_state_outlives_changes_elsewhere(own, folder):
    """A rate limit of a file goes on while its neighbours, in the file and beside it, change."""
    limited = http("limited.test", [{"rateLimit": {"average": 1, "period": "1h", "burst": 3}}])
    write(folder / "a.yaml", merged(limited, http("n0.test")))
    own.served("n0.test")
    assert [own.get("limited.test").status for _ in range(5)] == [200, 200, 200, 429, 429]
    for i in range(1, 6):
        write(folder / "a.yaml", merged(limited, http(f"n{i}.test")))
        write(folder / "b.yaml", http(f"b{i}.test"))
        own.served(f"n{i}.test")
        own.served(f"b{i}.test")
        assert own.get("limited.test").status == 429
    limited["http"]["middlewares"]["limited-test-0"]["rateLimit"]["burst"] = 4
    write(folder / "a.yaml", limited)
    own.served("limited.test")


def test_name_in_two_files(own, folder):
    write(folder / "a.yaml", http("same.test", [{"addPrefix": {"prefix": "/a"}}], name="same"))
    write(folder / "b.yaml", http("same.test", [{"addPrefix": {"prefix": "/b"}}], name="same"))
    told(own, "b.yaml:", "http.routers.same is defined in", "a.yaml too")
    assert own.served("same.test", "/x").json()["target"] == "/a/x"
    (folder / "a.yaml").unlink()
    eventually(lambda: own.get("same.test", "/x").json()["target"] == "/b/x", what="the other file's")
    untold(own)


@pytest.mark.parametrize("order, wanted", [("", "/manifest"), ("--providers.precedence=docker,File", "/file"), ("--providers.precedence=KubernetesCRD,file", "/manifest")])
def test_order_of_providers(order, wanted, folder, backends, tmp_path):
    """Of two routers of one rule that of the provider is asked which the option names first."""
    manifests = tmp_path / "manifests"
    manifests.mkdir()
    spec = {"routes": [{"match": "Host(`both.test`)", "kind": "Rule", "services": [{"name": "both", "port": 80}], "middlewares": [{"name": "mark"}]}]}
    mark = objects.custom("Middleware", "mark", "default", {"addPrefix": {"prefix": "/manifest"}})
    route = objects.custom("IngressRoute", "both", "default", spec)
    made = [objects.service("both", "default"), objects.endpoints("both", "default", [ADDRESSES[0]], HTTP), mark, route]
    (manifests / "all.yaml").write_text(yaml.safe_dump_all(made))
    write(folder / "a.yaml", http("both.test", [{"addPrefix": {"prefix": "/file"}}]))
    flags = [f"--providers.file.directory={folder}", *filter(None, [order])]
    with Proxy(*flags, manifests=manifests) as both:
        assert both.served("both.test", "/").json()["target"] == f"{wanted}/"


# --- templates ----------------------------------------------------------------------------------------------------------------

TEMPLATE = """
{{- $hosts := env "FLOW_TEST_HOSTS" | default "default.test" }}
http:
  routers:
{{- range $i, $host := split $hosts "," }}
    host{{ $i }}:
      rule: Host(`{{ $host | lower }}`)
      entryPoints: [web]
      service: all
      middlewares: [mark]
{{- end }}
  services:
    all:
      loadBalancer:
        servers:
{{- range until 2 }}
          - url: http://10.99.0.{{ add1 . }}:9080
{{- end }}
  middlewares:
    mark:
      headers:
        customRequestHeaders:
          X-Mark: {{ printf "%s-%03d" ("made" | upper) (mul 6 7) | quote }}
"""


def test_templates(folder, backends):
    write(folder / "a.yaml", TEMPLATE)
    env = {"FLOW_TEST_HOSTS": "One.test,TWO.test"}
    flags = [f"--providers.file.directory={folder}", "--providers.file.debuglogGeneratedTemplate=true", "--log.level=DEBUG"]
    with Proxy(*flags, env=env) as own:
        assert own.served("one.test").seen("x-mark") == "MADE-042"
        own.served("two.test")
        servers = own.api("/http/services/all@file")["loadBalancer"]["servers"]
        assert [server["url"] for server in servers] == ["http://10.99.0.1:9080", "http://10.99.0.2:9080"]
        assert diagnostics(own) == []
        assert any("rendered: " in line and "host1:" in line for line in own.log().splitlines())
        write(folder / "a.yaml", TEMPLATE.replace("mul 6 7", 'htpasswd "a" "b"'))
        told(own, "a.yaml:23:57", "the function htpasswd is not served", "last good state")
        assert own.get("one.test").status == 200
        write(folder / "a.yaml", TEMPLATE.replace("customRequestHeaders", "customRequestHeader"))
        told(own, "a.yaml (rendered):23:9", "did you mean customRequestHeaders?")
        write(folder / "a.yaml", TEMPLATE.replace("mul 6 7", "mul 6 8"))
        eventually(lambda: own.get("one.test").seen("x-mark") == "MADE-048", what="the mended template")
        untold(own)


# --- references to and from other providers ------------------------------------------------------------------------------------


def test_references_from_everywhere(cluster, backends, folder):
    """An Ingress and an entry point use objects of files, a file those of custom resources."""
    from harness.space import Space

    space = Space(cluster)
    try:
        name = space.name
        space.apply(objects.middleware("made", name, {"headers": {"customRequestHeaders": {"X-Crd": "crd"}}}))
        space.route(annotations={"router.middlewares": "mark@file"})
        new = pki.client_context(minimum=ssl.TLSVersion.TLSv1_3)
        old = pki.client_context(maximum=ssl.TLSVersion.TLSv1_2)
        strict = space.route("strict." + space.host, annotations={"router.tls": "true", "router.tls.options": "strict@file"})
        route = {
            "kind": "Rule",
            "match": f"Host(`route.{space.host}`)",
            "middlewares": [{"name": "mark@file"}],
            "services": [{"name": "file-test@file", "kind": "TraefikService"}],
        }
        space.apply(objects.custom("IngressRoute", "route", name, {"entryPoints": ["web"], "routes": [route]}))
        base = http("file.test")
        base["http"]["routers"]["file-test"]["middlewares"] = [f"{name}-made@kubernetescrd", "mark"]
        base["http"]["middlewares"] = {
            "mark": {"headers": {"customRequestHeaders": {"X-File": "file"}}},
            "all": {"headers": {"customRequestHeaders": {"X-All": "all"}}},
        }
        base["tls"] = {"options": {"strict": {"minVersion": "VersionTLS13"}}}
        write(folder / "a.yaml", base)
        flags = [f"--providers.file.directory={folder}", "--entrypoints.web.http.middlewares=all@file"]
        with Proxy(*flags, cluster=cluster) as own:
            # The objects of a cluster cannot be judged without asking it.
            providers = ["--providers.kubernetesingress", "--providers.kubernetescrd"]
            done = check(*flags, *providers, "--entrypoints.web.address=:21123", KUBECONFIG=str(cluster.kubeconfig))
            assert done.returncode == 0, done.stderr
            answer = own.served(space.host)
            assert (answer.seen("x-file"), answer.seen("x-all")) == ("file", "all")
            answer = own.served("route." + space.host)
            assert (answer.seen("x-file"), answer.seen("x-all")) == ("file", "all")
            answer = own.served("file.test")
            assert (answer.seen("x-crd"), answer.seen("x-file"), answer.seen("x-all")) == ("crd", "file", "all")
            eventually(lambda: own.get_tls(strict, name=strict, tls=new).status == 200, what="the Ingress with options of a file")
            with pytest.raises(ssl.SSLError):
                own.get_tls(strict, name=strict, tls=old)
            base["http"]["middlewares"]["mark"]["headers"]["customRequestHeaders"]["X-File"] = "changed"
            write(folder / "a.yaml", base)
            eventually(lambda: own.get(space.host).seen("x-file") == "changed", what="the change in the Ingress")
            del base["http"]["middlewares"]["mark"]
            write(folder / "a.yaml", base)
            # What it protected is not served without it.
            own.served(space.host, status=404)
    finally:
        space.clear()


# --- TLS ------------------------------------------------------------------------------------------------------------------------


def test_certificates_stores_and_options(own, folder, tmp_path):
    one, inline, default, renewed = (pki.leaf(name) for name in ("one.test", "inline.test", "default.test", "one.test"))
    crt, key = one.write(tmp_path, "one")
    (tmp_path / "ca.pem").write_text(pki.authority().pem)
    routers = {
        name: {"rule": f"Host(`{name}.test`)", "service": "static-test", "entryPoints": ["websecure"], "tls": tls}
        for name, tls in {"one": {}, "inline": {}, "mutual": {"options": "mutual"}}.items()
    }
    tls = {
        "certificates": [
            {"certFile": str(crt), "keyFile": str(key)},
            {"certFile": inline.chain_pem, "keyFile": inline.key_pem, "stores": ["default"]},
        ],
        "stores": {"default": {"defaultCertificate": {"certFile": default.chain_pem, "keyFile": default.key_pem}}},
        "options": {
            "default": {"minVersion": "VersionTLS13"},
            "mutual": {"clientAuth": {"caFiles": [str(tmp_path / "ca.pem")], "clientAuthType": "RequireAndVerifyClientCert"}},
        },
    }
    write(folder / "tls.yaml", {"http": {"routers": routers}, "tls": tls})

    def served(name):
        return clients.certificate_of(own.websecure, name)

    for name, pair in (("one.test", one), ("inline.test", inline), ("other.test", default)):
        eventually(lambda n=name, p=pair: served(n) == p.der, what=f"the certificate of {name}")
    assert own.get_tls("one.test", name="one.test").status == 200
    with pytest.raises(ssl.SSLError):
        own.get_tls("one.test", name="one.test", tls=pki.client_context(maximum=ssl.TLSVersion.TLSv1_2))
    with pytest.raises((ssl.SSLError, ConnectionError)):
        own.get_tls("mutual.test", name="mutual.test")
    client = pki.leaf("client", client=True).write(tmp_path, "client")
    assert own.get_tls("mutual.test", name="mutual.test", tls=pki.client_context(certificate=client)).status == 200
    assert diagnostics(own) == []
    # A certificate is read again when its file changes, though the configuration does not.
    renewed.write(tmp_path, "one")
    eventually(lambda: served("one.test") == renewed.der, what="the renewed certificate")
    del tls["certificates"][0]["keyFile"]
    write(folder / "tls.yaml", {"http": {"routers": routers}, "tls": tls})
    told(own, "tls.yaml", "tls.certificates.[0].keyFile", "nothing is given")
    assert served("inline.test") == inline.der


def test_servers_transport(own, folder, tmp_path):
    (tmp_path / "ca.pem").write_text(pki.authority().pem)
    url = f"https://{ADDRESSES[0]}:{HTTPS}"
    trusted = http("trusted.test", url=url)
    trusted["http"]["services"]["trusted-test"]["loadBalancer"]["serversTransport"] = "inner"
    trusted["http"]["serversTransports"] = {"inner": {"rootCAs": [str(tmp_path / "ca.pem")], "serverName": CERTIFICATE_NAME}}
    write(folder / "trusted.yaml", trusted)
    write(folder / "not.yaml", http("untrusted.test", url=url))
    own.served("trusted.test")
    own.served("untrusted.test", status=500)


def test_users_file(own, folder, tmp_path):
    (tmp_path / "users").write_text("# who may\nanna:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n")  # secret
    write(folder / "auth.yaml", http("auth.test", [{"basicAuth": {"usersFile": str(tmp_path / "users")}}]))
    own.served("auth.test", status=401)
    assert own.get("auth.test", headers=[("Authorization", "Basic YW5uYTpzZWNyZXQ=")]).status == 200
    write(folder / "lost.yaml", http("lost.test", [{"basicAuth": {"usersFile": str(tmp_path / "gone")}}]))
    told(own, "lost.yaml", "usersFile", "cannot read")
    assert own.get("lost.test").status == 404


# --- findings --------------------------------------------------------------------------------------------------------------------


def check(*flags, **env):
    command = [paths.tool("FLOW_PROXY", "the proxy's executable"), "check", *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, env={**os.environ, **env})


def test_check_tells_file_and_line(folder):
    write(folder / "a.yaml", http("a.test"))
    write(folder / "b.yaml", "http:\n  routers:\n    b: {rule: Path(`/`), service: nowhere}\n")
    write(folder / "c.toml", "[http.routers.c]\nrulle = 'x'\n")
    write(folder / "d.yaml", "tcp: {routers: {d: {}}}\n")
    flags = [f"--providers.file.directory={folder}", "--entrypoints.web.address=:21123"]
    done = check(*flags)
    lines = done.stderr.splitlines()
    assert done.returncode == 1
    assert any(line.startswith(f"{folder}/b.yaml:3:5: error: router b@file: ") and "nowhere@file" in line for line in lines), lines
    assert f"{folder}/c.toml:2:1: error: http.routers.c.rulle: there is no such field; did you mean rule?" in lines
    assert f"{folder}/d.yaml:1:1: error: tcp: TCP is not served yet" in lines
    assert lines[-1] == "dynamic configuration: 3 objects, 3 errors, 0 warnings", lines
    for name in ("b.yaml", "c.toml", "d.yaml"):
        (folder / name).unlink()
    assert check(*flags).returncode == 0


def test_the_documentations_examples_have_no_findings():
    """The options of every middleware, service and transport as Traefik's documentation shows them, in both languages and in a template."""
    done = check(f"--providers.file.directory={paths.TESTS / 'fixtures' / 'dynamic'}", "--entrypoints.web.address=:21123")
    assert done.returncode == 0, done.stderr
    assert "0 errors, 0 warnings" in done.stderr.splitlines()[-1], done.stderr


def test_starts_that_cannot_be(tmp_path):
    (tmp_path / "a.json").write_text("{}")
    for flags, words in [
        ([f"--providers.file.filename={tmp_path}/a.json"], "must end in .toml, .yaml or .yml"),
        ([f"--providers.file.directory={tmp_path}/gone", "--providers.file.watch=false"], "cannot read"),
        ([f"--providers.file.directory={tmp_path}", f"--providers.file.filename={tmp_path}/a.yaml"], "either directory or filename"),
    ]:
        done = check("--entrypoints.web.address=:21123", *flags)
        assert done.returncode == 2 and words in done.stderr, done.stderr
