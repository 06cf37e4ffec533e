"""Values files written for Traefik's chart, from 25 to 41: each value is served, or the notes name it, and none stops helm."""

import ast
import functools
import os
import pathlib
import re
import subprocess

import pytest
import yaml
from harness import paths
from harness.charts import SOURCE, notes, render
from harness.variants import render_variants

FIXTURES = paths.TESTS / "fixtures" / "traefik-values"
WHOLE = sorted(path.stem for path in FIXTURES.glob("chart-*.yaml"))
KNOWN = yaml.safe_load((SOURCE / "charts/flow-proxy/files/known-values.yaml").read_text())
DEFAULTS = yaml.safe_load((SOURCE / "charts/flow-proxy/files/defaults.yaml").read_text())
# A list of all keys with types, newest default and versions, one on each line; looked for beside the project.
LIST = pathlib.Path(os.environ.get("FLOW_CHART_VALUES", paths.ROOT.parent / "shared" / "reference" / "traefik-chart-values.tsv"))
VERSIONS = ["25.0", "26.1", "28.3", "30.1", "31.1", "34.4", "37.1", "39.0", "40.3", "41.3"]
# Values that only flow-proxy has, and those that need other values to show.
OWN = ("drain", "acme", "dashboardService", "networkPolicy", "podAntiAffinity", "rbac.secrets", "global.*")


def tree(path, value):
    for name in reversed(path.split(".")):
        value = {name: value}
    return value


def merged(*trees):
    result = {}
    for one in trees:
        for name, value in one.items():
            both = isinstance(value, dict) and isinstance(result.get(name), dict)
            result[name] = merged(result[name], value) if both else value
    return result


def leaves(rules, at=""):
    """The paths of the known names, each with its word."""
    for name, rule in rules.items():
        if isinstance(rule, dict):
            yield from leaves(rule, f"{at}{name}.")
        else:
            yield f"{at}{name}", rule


def word(path):
    """The word that is known for a path, or for the group that it is in; `group` where the path goes on."""
    rule = KNOWN
    for name in path.split("."):
        if not isinstance(rule, dict):
            return rule
        rule = rule.get(name, rule.get("*"))
    return "group" if isinstance(rule, dict) else rule


def strings(value):
    return [value] if isinstance(value, str) else value or []


@pytest.fixture(scope="module")
def served(helm4, charts, tmp_path_factory):
    """Each group of the table with helm's result for it, and for no values at all."""
    groups = yaml.safe_load((FIXTURES / "served.yaml").read_text())
    sets = [merged(*(tree(path, entry["value"]) for path, entry in group.items())) for group in groups.values()]
    plain, *rendered = render_variants(helm4, tmp_path_factory.mktemp("served"), charts / "flow-proxy", [{}, *sets])
    return plain, {name: (group, result) for (name, group), result in zip(groups.items(), rendered, strict=True)}


def test_every_served_value_shows_in_the_objects(served):
    plain, groups = served
    wrong = []
    for name, (group, result) in groups.items():
        for path, entry in group.items():
            # The result must differ from that without values.
            wrong += [f"{name}: {path}: no {text!r}" for text in strings(entry.get("shows")) if text not in result.text or text in plain.text]
            wrong += [f"{name}: {path}: still {text!r}" for text in strings(entry.get("hides")) if text in result.text or text not in plain.text]
        assert "is not known" not in result.warnings and "not served here" not in result.warnings, f"{name}: {result.warnings}"
    assert not wrong, "\n".join(wrong)
    said = groups["told-elsewhere"][1].warnings
    for words in ("enabled=false has no effect here", "service.single=false has no effect"):
        assert words in said, said


def test_the_proxy_takes_what_comes_of_the_values(served, tmp_path):
    """No argument is a mistake or reported as not served; deprecated ones are served."""
    for name, (_, result) in served[1].items():
        files = [item["data"] for item in result.items() if "dynamic.yaml" in (item.get("data") or {})]
        for file, text in (pair for data in files for pair in data.items()):
            (tmp_path / file).write_text(text)
        for item in result.items():
            if item["kind"] in ("Deployment", "DaemonSet"):
                arguments = item["spec"]["template"]["spec"]["containers"][0]["args"]
                arguments = [argument.replace("/etc/traefik/dynamic", str(tmp_path)) for argument in arguments]
                done = subprocess.run([paths.tool("FLOW_PROXY", "the proxy"), "check", *arguments], capture_output=True, text=True, env={})
                said = [line for line in done.stderr.splitlines() if "is deprecated" not in line and "1 object, 0 errors" not in line]
                assert (done.returncode, said) == (0, []), f"{name}: {done.stderr}"


def test_the_table_has_every_value_that_is_served(served):
    table = {re.sub(r"^ports\.\w+\.", "ports.*.", path) for group, _ in served[1].values() for path in group}
    missing = [path for path, rule in leaves(KNOWN) if rule == "any" and path not in table and not path.startswith(OWN)]
    # It shows in another group, or is of the same kind as what shows.
    assert set(missing) <= {"ports.*.hostPort", "ports.*.protocol"}, missing


def test_everything_that_is_not_served_is_named(helm4, charts, tmp_path):
    """If set to something else than its default; but not if it is null, empty or the default of Traefik's chart."""
    unserved = [(path.replace("*", "web"), rule) for path, rule in leaves(KNOWN) if rule in ("unserved", "protects")]
    asked = merged(*(tree(path, "something") for path, _ in unserved))
    quiet = merged(*(tree(path, None) for path, _ in unserved))
    by_default = {name: value for name, value in DEFAULTS.items() if word(name) == "unserved"} | {"deployment": DEFAULTS["deployment"]}
    empty = merged(*(tree(path, {"switch": False, "list": [], "text": "", "number": 0, "below": {"none": None}}) for path, _ in unserved))
    named, *silent = render_variants(helm4, tmp_path, charts / "flow-proxy", [asked, quiet, by_default, empty])
    for path, rule in unserved:
        line = next((line for line in named.warnings.splitlines() if line.startswith(f"- {path} ")), "")
        assert "is known from Traefik's chart and not served here" in line, path
        assert ("PROTECTS" in line) is (rule == "protects"), line
    for result in silent:
        assert not result.warnings, result.warnings


def test_the_documentation_lists_everything_that_is_not_served():
    page = (paths.ROOT / "docs" / "chart-values.md").read_text()
    listed_there = set(re.findall(r"`([\w.]+)`", page.partition("## What is not served")[2]))
    unserved = {path.replace("*", "NAME") for path, rule in leaves(KNOWN) if rule in ("unserved", "protects")}
    assert unserved <= listed_there, unserved - listed_there
    protecting = set(re.findall(r"^\| `([\w.]+)`", page.partition("These protect")[2], flags=re.MULTILINE))
    assert protecting == {path for path, rule in leaves(KNOWN) if rule == "protects"}


def test_a_group_that_is_not_served_is_one_line_with_what_is_said_in_it(helm4):
    said = notes(helm4, "flow-proxy", {"hub": {"token": "x", "tokenMountPath": "/etc/secrets", "redis": {"cluster": None, "endpoints": "a:1", "tls": {"insecureSkipVerify": False}}}})
    assert said.strip() == "- hub is known from Traefik's chart and not served here: it has no effect (hub.redis.endpoints, hub.token)"
    said = notes(helm4, "flow-proxy", {"hub": {"apimanagement": {"admission": {"restartOnCertificateChange": False}}}})
    assert "(hub.apimanagement.admission.restartOnCertificateChange)" in said, "false where the default is true asks for something"


def test_groups_that_are_switched_off_are_named(helm4):
    said = notes(helm4, "flow-proxy", {
        "accessLog": {"format": "json"}, "logs": {"access": {"filters": {"minduration": "1s"}, "fields": {"headers": {"defaultmode": "drop"}}}},
        "autoscaling": {"maxReplicas": 4}, "persistence": {"size": "1Gi", "path": "/certificates"},
        "metrics": {"prometheus": {"serviceMonitor": {"interval": "5s"}, "prometheusRule": {"namespace": "x"}}},
        "ports": {"web": {"expose": {"internal": True}, "http": {"redirections": {"entryPoint": {"scheme": "https"}}}}, "traefik": {"exposedPort": 8081}},
    })
    for words in ("accessLog.enabled is not true, so there is no effect of accessLog.format", "no effect of logs.access.filters.minduration\n",
                  "no effect of autoscaling.maxReplicas\n", "no effect of persistence.size\n", "no effect of metrics.prometheus.serviceMonitor.interval\n",
                  "no effect of metrics.prometheus.prometheusRule.namespace\n", "ports.web.expose.internal has no effect",
                  "ports.web.http.redirections.entryPoint names no entry point (`to`): NOTHING IS REDIRECTED", "ports.traefik.exposedPort has no effect"):
        assert words in said, said


@pytest.mark.parametrize("version", WHOLE)
def test_whole_values_files_render(helm, helm4, version):
    """By both commands; everything besides the defaults shows, and nothing is unknown."""
    values = yaml.safe_load((FIXTURES / f"{version}.yaml").read_text())
    expected = values.pop("x-expected")
    items = render(helm, "flow-proxy", values)
    workload = next(item for item in items if item["kind"] == "Deployment")
    container = workload["spec"]["template"]["spec"]["containers"][0]
    assert set(expected["arguments"]) <= set(container["args"]), set(expected["arguments"]) - set(container["args"])
    assert not set(expected["not"]) & set(container["args"])
    assert container["image"].endswith("ominis-ai/flow-proxy:0.1.0")
    services = {item["metadata"]["name"]: (item["spec"]["type"], [port["port"] for port in item["spec"]["ports"]]) for item in items if item["kind"] == "Service"}
    assert services == {name: tuple(service) for name, service in expected["services"].items()}
    said = [line for line in notes(helm4, "flow-proxy", values).splitlines() if line]
    assert len(said) == len(expected["notes"]), said
    for words, line in zip(expected["notes"], said, strict=True):
        assert words in line, line


@pytest.mark.parametrize("version", WHOLE)
def test_the_api_server_accepts_what_whole_files_render(helm4, cluster, version):
    values = yaml.safe_load((FIXTURES / f"{version}.yaml").read_text())
    del values["x-expected"]
    # Kinds that are not in this cluster are left out.
    text = yaml.safe_dump_all([item for item in render(helm4, "flow-proxy", values) if not item["apiVersion"].startswith("monitoring.coreos.com/")])
    done = cluster.kubectl("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", "-", text=text, check=False)
    assert done.returncode == 0, done.stderr


@functools.cache
def listed():
    """The list's rows: key, types, default, first and last version."""
    rows = []
    for line in LIST.read_text().splitlines()[1:]:
        key, types, default, versions = line.split("\t")
        first, _, last = versions.removesuffix(" (gaps)").partition("–")
        rows.append((key, types.split("/"), default, number(first), number(last or first)))
    return rows


def number(version):
    return tuple(int(part) for part in version.split("."))


def typed(types, default):
    if "list" in types:
        return ast.literal_eval(default) if default else []
    if default == "":
        return None if types[-1] == "null" else {} if "map" in types else ""
    if "bool" in types:
        return default == "True"
    return int(default) if "int" in types else default


def whole(version, with_nulls):
    """The default values of a version of Traefik's chart, as far as they are in the list."""
    values = {}
    for key, types, default, first, last in listed():
        if first <= number(version) <= last:
            value = None if with_nulls and "null" in types else typed(types, default)
            at = values
            for name in key.split(".")[:-1]:
                at[name] = at.get(name) or {}
                at = at[name]
            at.setdefault(key.split(".")[-1], value)
    return values


needs_list = pytest.mark.skipif(not LIST.exists(), reason=f"no list at {LIST}; FLOW_CHART_VALUES names it")


@needs_list
def test_every_listed_key_is_known():
    assert not [key for key, *_ in listed() if not word(key)]


@needs_list
def test_default_files_of_every_listed_version_render(helm4, charts, tmp_path):
    """They contain nothing that is not served."""
    sets = [whole(version, with_nulls) for version in VERSIONS for with_nulls in (False, True)]
    expected = ("deployment.replicas is 1", "ingressClass.name is empty")
    for values, result in zip(sets, render_variants(helm4, tmp_path, charts / "flow-proxy", sets), strict=True):
        assert "kind: Deployment" in result.text and "type: LoadBalancer" in result.text, values
        assert all(any(words in line for words in expected) for line in result.warnings.splitlines()), result.warnings


@needs_list
def test_every_listed_key_that_is_not_served_is_named_by_its_path(helm4, charts, tmp_path):
    groups = {key.rpartition(".")[0] for key, *_ in listed()}
    keys = [(key, types, default) for key, types, default, *_ in listed() if word(key) in ("unserved", "protects") and key not in groups]
    changed = [tree(key, not typed(types, default) if "bool" in types else "changed") for key, types, default in keys]
    [result] = render_variants(helm4, tmp_path, charts / "flow-proxy", [merged(*changed)])
    words = set(re.split(r"[\s,()]+", result.warnings))
    assert not [key for key, *_ in keys if key not in words]


@pytest.mark.parametrize(("image", "used", "said"), [
    ({"registry": "docker.io", "repository": "traefik", "tag": None}, "ghcr.io/ominis-ai/flow-proxy:0.1.0", "docker.io/traefik is Traefik's and not used"),
    ({"repository": "rancher/mirrored-library-traefik", "tag": "3.6.9"}, "ghcr.io/ominis-ai/flow-proxy:0.1.0", "mirrored-library-traefik:3.6.9 is Traefik's"),
    ({"registry": "mirror.example.org", "repository": "library/Traefik", "digest": "sha256:" + "a" * 64}, "ghcr.io/ominis-ai/flow-proxy:0.1.0", "is Traefik's and not used"),
    ({"tag": "v3.6.1"}, "ghcr.io/ominis-ai/flow-proxy:0.1.0", "the tag v3.6.1 is of a release of Traefik's and not used"),
    ({"tag": 3.6}, "ghcr.io/ominis-ai/flow-proxy:0.1.0", "the tag 3.6 is of a release of Traefik's"),
    ({"repository": "own/edge", "tag": "v3.6.1"}, "ghcr.io/own/edge:v3.6.1", "image.tag v3.6.1 is like a release of Traefik's"),
    ({"registry": "", "repository": "traefik-team/flow-proxy", "tag": "0.1.1"}, "traefik-team/flow-proxy:0.1.1", ""),
    ({"registry": "", "repository": "", "tag": "", "digest": ""}, "ghcr.io/ominis-ai/flow-proxy:0.1.0", ""),
    ({"registry": "mirror.example.org"}, "mirror.example.org/ominis-ai/flow-proxy:0.1.0", ""),
])
def test_the_image_is_never_traefik_s(helm4, image, used, said):
    items = render(helm4, "flow-proxy", {"image": image})
    container = next(item for item in items if item["kind"] == "Deployment")["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == used
    told = notes(helm4, "flow-proxy", {"image": image})
    assert said in told and bool(said) is bool(told.strip()), told


def test_values_that_were_taken_away_leave_a_chart_that_works(helm4, charts, tmp_path):
    """Every group of values is null, some at a time."""
    groups = [name for name in yaml.safe_load((charts / "flow-proxy/values.yaml").read_text())]
    inner = ["providers.kubernetesIngress", "providers.kubernetesCRD", "logs.access", "logs.general", "metrics.prometheus", "metrics.prometheus.service",
             "ports.web", "ports.traefik", "ports.metrics", "ports.websecure.tls", "ingressRoute.dashboard", "updateStrategy.rollingUpdate", "deployment.kind",
             "drain.acceptSeconds", "drain.graceTimeOut", "acme.mode", "image.repository", "autoscaling.minReplicas", "service.type"]
    everything = {"autoscaling": {"enabled": True}, "persistence": {"enabled": True}, "networkPolicy": {"enabled": True}}
    sets = [merged(*(tree(path, None) for path in part[start::4])) for part in (groups, inner) for start in range(4)]
    sets.append(merged(everything, tree("autoscaling.maxReplicas", None), tree("persistence.size", None)))
    for values, result in zip(sets, render_variants(helm4, tmp_path, charts / "flow-proxy", sets), strict=True):
        text = result.text + result.warnings
        assert not [word for word in ("<nil>", "%!", "no value") if word in text], values
        assert result.items() and "is not known" not in result.warnings, (values, result.warnings)
