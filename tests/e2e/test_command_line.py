"""The command line: pipes that close, `check` compared with the start, help by section."""

import os
import subprocess

import pytest
import yaml
from harness import objects, paths
from harness.proxy import Proxy
from harness.waiting import eventually

# Without this option, every entry point gets a warning about aliases of header names.
QUIET = "--entrypoints.web.http.aliasheadersstrategy=keep"


def command(*arguments):
    return [paths.tool("FLOW_PROXY", "the proxy's executable"), *map(str, arguments)]


def run(*arguments, env=None, **more):
    """The finished process; a start that is not refused is an error."""
    environment = {"PATH": "/usr/bin:/bin", **(env or {})}
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=20, env=environment, cwd=paths.WORK, **more)


def write(path, *items):
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump_all(items))
    return path


# --- pipes -----------------------------------------------------------------------------------------------------------


def into_closed_pipe(*arguments, both=False, env=None):
    """The exit code and standard error, with standard output (or both) closed by the reader."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            command(*arguments),
            stdout=writer,
            stderr=writer if both else subprocess.PIPE,
            text=True,
            timeout=20,
            env={"PATH": "/usr/bin:/bin", **(env or {})},
            cwd=paths.WORK,
        )
    finally:
        os.close(writer)
    return done.returncode, done.stderr


@pytest.mark.parametrize("arguments", ["--help", "help check", "--help entrypoints", "version", "cert --help", "demo", f"check --providers.kubernetesingress --entrypoints.web.address=:8000 {QUIET}"])
def test_a_closed_pipe_ends_every_output_quietly(arguments):
    assert into_closed_pipe(*arguments.split()) == (0, "")


def test_a_closed_pipe_ends_what_is_known_of_certificates_quietly(cluster):
    env = {"KUBECONFIG": str(cluster.kubeconfig)}
    # A new API server serves new kinds a moment later.
    eventually(lambda: run("cert", "status", env=env).returncode == 0, 20, what="a list of certificates")
    assert into_closed_pipe("cert", "status", env=env) == (0, "")


def test_a_closed_pipe_does_not_change_what_is_wrong(tmp_path):
    assert into_closed_pipe("--no-such-option", both=True)[0] == 2
    assert into_closed_pipe("check", f"--providers.manifests.directory={tmp_path / 'nowhere'}", both=True)[0] == 2
    assert into_closed_pipe("healthcheck", "--ping", "--entrypoints.traefik.address=127.0.0.1:1", both=True)[0] == 1
    write(tmp_path / "bad.yaml", {"kind": "Service", "apiVersion": "v1"})
    assert into_closed_pipe("check", f"--providers.manifests.directory={tmp_path}", both=True)[0] == 1


def test_a_full_disk_is_no_closed_pipe():
    with open("/dev/full", "w") as full:
        done = subprocess.run(command("version"), stdout=full, stderr=subprocess.PIPE, text=True, timeout=20)
    assert done.returncode == 1 and "No space left" in done.stderr


def test_a_log_that_nobody_reads_stops_nothing(tmp_path):
    folder = write(tmp_path / "manifests" / "one.yaml", objects.service("a", "default")).parent
    flags = ["--entrypoints.web.address=127.0.0.1:21101", "--ping.entrypoint=web", QUIET, "--log.level=debug", "--accesslog"]
    with subprocess.Popen(
        command(*flags, f"--providers.manifests.directory={folder}"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        try:
            for number in range(3):
                write(folder / f"{number}.yaml", objects.service(f"b{number}", "default"))
                eventually(lambda: run("healthcheck", *flags[:2]).returncode == 0, what="an answer")
        finally:
            process.terminate()
        assert process.wait(15) == 0
        assert process.stderr.read() == ""


# --- check and the start ---------------------------------------------------------------------------------------------

REFUSED = {
    "dns": ["--certificatesresolvers.cf.acme.dnschallenge.provider=cloudflare"],
    "key": ["--certificatesresolvers.le.acme.tlschallenge", "--certificatesresolvers.le.acme.keytype=RSA1024"],
    "authority": ["--certificatesresolvers.le.acme.tlschallenge", "--certificatesresolvers.le.acme.cacertificates=FOLDER/missing.pem"],
    "no authority": ["--serverstransport.rootcas=FOLDER/notes.txt"],
    "storage": ["--certificatesresolvers.le.acme.tlschallenge", "--certificatesresolvers.le.acme.storage=FOLDER/notes.txt/acme.json"],
    "acme.json": ["--certificatesresolvers.le.acme.tlschallenge", "--certificatesresolvers.le.acme.storage=FOLDER/notes.txt"],
    "log": ["--log.filepath=FOLDER/nowhere/log"],
    "access log": ["--accesslog.filepath=FOLDER"],
    "host": ["--entrypoints.web.address=no-such-host.invalid:21110"],
    "overlap": ["--entrypoints.a.address=:21110", "--entrypoints.b.address=127.0.0.1:21110"],
    "shared": ["--entrypoints.a.address=:21110", "--entrypoints.b.address=:21110", "--entrypoints.a.reuseport", "--entrypoints.b.reuseport"],
    "two worlds": ["--providers.kubernetesingress", "--providers.manifests.directory=FOLDER"],
    "no folder": ["--providers.manifests.directory=FOLDER/missing"],
    "a file": ["--providers.manifests.directory=FOLDER/notes.txt"],
    "selector": ["--providers.manifests.directory=FOLDER", "--providers.manifests.labelselector=a b"],
    "cluster's authority": ["--providers.kubernetesingress.endpoint=https://10.0.0.1", "--providers.kubernetesingress.certauthfilepath=FOLDER/missing.pem"],
    "endpoint": ["--providers.kubernetescrd.endpoint=http://"],
    "redirection": ["--entrypoints.web.address=:21110", "--entrypoints.web.http.redirections.entrypoint.to=nobody"],
}


@pytest.mark.parametrize("flags", REFUSED.values(), ids=REFUSED)
def test_check_finds_what_the_start_refuses(tmp_path, flags):
    (tmp_path / "notes.txt").write_text("neither a certificate nor JSON")
    flags = [flag.replace("FOLDER", str(tmp_path)) for flag in flags]
    checked, started = run("check", *flags), run(*flags)
    assert (checked.returncode, started.returncode) == (2, 2), started.stderr
    assert checked.stderr == started.stderr and "in the configuration:" in checked.stderr
    assert os.listdir(tmp_path) == ["notes.txt"]


def test_a_missing_folder_ends_the_start_with_the_way_out(tmp_path):
    done = run(f"--providers.manifests.directory={tmp_path / 'nowhere'}")
    assert done.returncode == 2
    assert "nowhere: No such file or directory" in done.stderr and "make it, or name the folder" in done.stderr


def test_check_leaves_files_alone(tmp_path):
    (tmp_path / "access.log").write_text("a line\n")
    flags = [
        f"--log.filepath={tmp_path / 'log'}",
        f"--accesslog.filepath={tmp_path / 'access.log'}",
        "--certificatesresolvers.le.acme.tlschallenge",
        f"--certificatesresolvers.le.acme.storage={tmp_path / 'acme.json'}",
        f"--providers.manifests.directory={write(tmp_path / 'm' / 'a.yaml', objects.service('a', 'default')).parent}",
    ]
    done = run("check", *flags)
    assert done.returncode == 0, done.stderr
    assert sorted(os.listdir(tmp_path)) == ["access.log", "m"] and (tmp_path / "access.log").read_text() == "a line\n"


# --- check and a folder of manifests ---------------------------------------------------------------------------------


def backend():
    return [objects.service("backend", "default"), objects.endpoints("backend", "default", ["10.99.0.1"])]


def test_check_tells_what_is_wrong_with_manifests(tmp_path):
    write(
        tmp_path / "apps" / "site.yaml",
        *backend(),
        objects.ingress("good", "default", "good.test"),
        objects.ingress("bound", "default", "bound.test", annotations={"router.middlewares": "default-none@kubernetescrd"}),
        objects.ingress("lost", "default", "lost.test", backend="nobody"),
    )
    (tmp_path / "broken.yaml").write_text("a: 1\n---\nkind: [\n")
    done = run("check", f"--providers.manifests.directory={tmp_path}")
    assert done.returncode == 1, done.stderr
    lines = done.stderr.splitlines()
    text = (tmp_path / "apps" / "site.yaml").read_text().splitlines()
    place = {name: 1 + max(i for i, line in enumerate(text[: text.index(f"  name: {name}")]) if line == "---") + 1 for name in ("bound", "lost")}
    for begin, words in [
        (f"{tmp_path}/apps/site.yaml:{place['bound']}: error: router ", "default-none@kubernetescrd"),
        (f"{tmp_path}/apps/site.yaml:{place['lost']}: error: Ingress default/lost: ", "default/nobody"),
        (f"{tmp_path}/broken.yaml:", ": error: "),
    ]:
        assert any(line.startswith(begin) and words in line for line in lines), (begin, done.stderr)
    assert not any("default/good" in line for line in lines)
    assert lines[-1].startswith("manifests: 5 objects, ") and "error" in lines[-1]
    assert '"entryPoints"' in done.stdout


def test_check_of_good_manifests_succeeds_whatever_listens(tmp_path, proxy):
    folder = write(tmp_path / "m" / "a.yaml", *backend(), objects.ingress("good", "default", "good.test")).parent
    done = run("check", f"--entrypoints.web.address=:{proxy.web}", QUIET, f"--providers.manifests.directory={folder}")
    assert done.returncode == 0 and done.stderr == "manifests: 3 objects, 0 errors, 0 warnings\n"


def test_warnings_leave_the_exit_code_alone(tmp_path):
    write(tmp_path / "a.yaml", *backend(), objects.ingress("good", "default", "good.test"))
    write(tmp_path / "b.yaml", *backend())
    done = run("check", f"--providers.manifests.directory={tmp_path}")
    assert done.returncode == 0 and "warning: Service default/backend: It is defined twice" in done.stderr


OPTIONS = [
    ("strictprefixmatching", "pre.test", "/apple", 200, 404),
    ("allowemptyservices", "empty.test", "/", 404, 503),
    ("allowcrossnamespace", "cross.test", "/", 404, 200),
    ("allowexternalnameservices=false", "external.test", "/", 200, 404),
    ("namespaces=default,tools", "other.test", "/", 200, 404),
    ("labelselector=!hidden", "hidden.test", "/", 200, 404),
    ("ingressclass=internal", "pre.test", "/app", 200, 404),
]


def folder_of_options(folder):
    """A route for each option of the Kubernetes providers, in a folder."""
    strip = objects.middleware("strip", "tools", {"stripPrefix": {"prefixes": ["/x"]}})
    chain = objects.middleware("chain", "default", {"chain": {"middlewares": [{"name": "strip", "namespace": "tools"}]}})
    hidden = objects.ingress("hidden", "default", "hidden.test")
    hidden["metadata"]["labels"] = {"hidden": "yes"}
    write(
        folder / "all.yaml",
        *backend(),
        objects.service("empty", "default"),
        objects.service("outside", "default", 9080, type="ExternalName", externalName="10.99.0.1"),
        objects.service("backend", "other"),
        objects.endpoints("backend", "other", ["10.99.0.1"]),
        strip,
        chain,
        hidden,
        objects.ingress("pre", "default", "pre.test", paths=[objects.path("backend", at="/app")]),
        objects.ingress("empty", "default", "empty.test", backend="empty"),
        objects.ingress("external", "default", "external.test", backend="outside", port=9080),
        objects.ingress("other", "other", "other.test"),
        objects.ingress("cross", "default", "cross.test", annotations={"router.middlewares": "default-chain@kubernetescrd"}),
        objects.ingress("plain", "default", "plain.test"),
    )
    return folder


def test_a_folder_has_a_clusters_defaults(tmp_path, backends):
    with Proxy(manifests=folder_of_options(tmp_path)) as own:
        own.served("plain.test")
        assert {host: own.get(host, at).status for _, host, at, _, _ in OPTIONS} == {host: status for _, host, at, status, _ in OPTIONS}


def test_a_cluster_s_options_can_be_tried_in_a_folder(tmp_path, backends):
    folder = folder_of_options(tmp_path)
    together = OPTIONS[:6]
    with Proxy(*(f"--providers.manifests.{option}" for option, *_ in together), manifests=folder) as own:
        own.served("plain.test")
        assert {host: own.get(host, at).status for _, host, at, _, _ in together} == {host: status for _, host, _, _, status in together}
    option, host, at, _, status = OPTIONS[6]
    with Proxy(f"--providers.manifests.{option}", manifests=folder) as own:
        assert own.get(host, at).status == status


# --- help ------------------------------------------------------------------------------------------------------------


def test_help_of_a_section():
    whole, section = run("--help"), run("--help", "providers.kubernetesingress")
    assert whole.returncode == section.returncode == 0
    options = [line for line in section.stdout.splitlines() if line.startswith("  --")]
    assert options and all(line.startswith("  --providers.kubernetesIngress") for line in options)
    assert set(options) < set(whole.stdout.splitlines())
    assert "Exit codes:" in run("check", "--help").stdout
    assert run("demo", "--help").stdout.startswith("flow-proxy demo: ")
    wrong = run("--help", "entrypont")
    assert wrong.returncode == 2 and "entryPoints" in wrong.stderr


def test_demo_takes_no_options():
    done = run("demo", "--entrypoints.web.address=:1")
    assert done.returncode == 2 and "demo takes no options" in done.stderr
