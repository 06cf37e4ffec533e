"""The charts' programs: backup of a live SQLite file and its restoration, Excalidraw's files, the proxy's image."""

import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import threading
import tomllib

import pytest
from harness import paths
from harness.charts import find, render
from harness.processes import Process
from harness.waiting import eventually

SOURCE = paths.ROOT / "deploy"

# Instead of Vaultwarden: the same statement on the same file.
BACKUP = """#!{python}
import os, sqlite3, sys, time
assert sys.argv[1:] == ["backup"]
data = os.environ["DATA_FOLDER"]
sqlite3.connect(data + "/db.sqlite3", timeout=30).execute("VACUUM INTO ?", (data + time.strftime("/db_%Y%m%d_%H%M%S.sqlite3"),))
"""
BUCKET = "s3://backups/vaultwarden/"


@pytest.fixture(scope="module")
def s3(helm4):
    """An S3 server (moto) with the bucket, and Amazon's own command line with the environment that the chart gives it."""
    port = 9705
    server = Process("s3", [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", port])
    values = {"backup": {"enabled": True, "endpoint": f"http://127.0.0.1:{port}", "accessKeyId": "an-id", "secretAccessKey": "a-secret"}}
    items = render(helm4, "vaultwarden", values)
    job = find(items, "CronJob", "vaultwarden-backup")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    upload = next(container for container in job["containers"] if container["name"] == "upload")
    assert upload["command"] == ["sh", "/scripts/upload.sh", "/work/archive.tar.gz", BUCKET, "30"]
    keys = find(items, "Secret", upload["envFrom"][0]["secretRef"]["name"])["stringData"]
    env = {entry["name"]: entry["value"] for entry in upload["env"]} | keys
    env["HOME"] = str(paths.WORK)
    program = str(pathlib.Path(sys.executable).parent / "aws")

    def aws(*arguments):
        done = subprocess.run([program, *arguments], capture_output=True, text=True, env=env | {"PATH": "/usr/bin:/bin"})
        assert done.returncode == 0, done.stderr
        return done.stdout

    eventually(lambda: "Running on" in server.log(), 60, 0.1, "the S3 server")
    aws("s3", "mb", "s3://backups")
    aws.env = env | {"AWS": program}
    yield aws
    server.stop()


@pytest.fixture
def vault(tmp_path, s3):
    """A folder of Vaultwarden with a database that is written to all the time."""
    data = tmp_path / "data"
    (data / "attachments").mkdir(parents=True)
    (data / "icon_cache").mkdir()
    (data / "icon_cache" / "x.png").write_bytes(b"x")
    (data / "attachments" / "a").write_bytes(b"attached")
    (data / "rsa_key.pem").write_text("key")
    program = tmp_path / "vaultwarden"
    program.write_text(BACKUP.replace("{python}", sys.executable))
    program.chmod(0o755)
    database = sqlite3.connect(data / "db.sqlite3", check_same_thread=False, timeout=30)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("CREATE TABLE pairs (a INTEGER, b INTEGER)")
    database.commit()
    stop = threading.Event()

    def write():
        number = 0
        while not stop.is_set():
            with database:
                database.execute("INSERT INTO pairs VALUES (?, ?)", (number, 0))
                database.execute("UPDATE pairs SET b = ?", (number,))
            number += 1

    writer = threading.Thread(target=write)
    writer.start()

    def script(name, *arguments, check=True):
        env = {**s3.env, "PATH": "/usr/bin:/bin", "VAULTWARDEN": str(program)}
        done = subprocess.run(["sh", SOURCE / "charts/vaultwarden/files" / name, *map(str, arguments)], capture_output=True, text=True, env=env)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def end():
        stop.set()
        writer.join()

    yield script, data, end
    end()
    database.close()


def test_a_backup_is_consistent_and_comes_back(vault, s3, tmp_path):
    script, data, end = vault
    work = tmp_path / "work"
    work.mkdir()
    script("snapshot.sh", data, work)
    assert not list(data.glob("db_*.sqlite3")), "the snapshot stayed in the data"
    names = {name.removeprefix("./") for name in tarfile.open(work / "archive.tar.gz").getnames()}
    assert {"db.sqlite3", "attachments/a", "rsa_key.pem"} <= names
    assert not any("wal" in name or "icon_cache" in name for name in names), names

    former = tmp_path / "former"
    former.mkdir()
    for name in ("vaultwarden-backup-20200101.tar.gz", "vaultwarden-backup-2020.tar.gz", "else.tar.gz"):
        (former / name).write_bytes(b"old")
    s3("s3", "cp", "--recursive", str(former), BUCKET)
    script("upload.sh", work / "archive.tar.gz", BUCKET, 30)
    left = {line.split()[-1] for line in s3("s3", "ls", BUCKET).splitlines()}
    assert "vaultwarden-backup-20200101.tar.gz" not in left
    assert {"vaultwarden-backup-2020.tar.gz", "else.tar.gz"} < left, "only exact names may be deleted"

    end()
    (data / "attachments" / "a").write_bytes(b"spoilt")
    fetched = tmp_path / "fetched"
    fetched.mkdir()
    script("fetch.sh", BUCKET, fetched)
    script("restore.sh", fetched / "archive.tar.gz", data)
    assert (data / "attachments" / "a").read_bytes() == b"attached"
    assert (data / "before-restore" / "attachments" / "a").read_bytes() == b"spoilt"
    assert not (data / "db.sqlite3-wal").exists()
    restored = sqlite3.connect(data / "db.sqlite3")
    assert restored.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    rows, least, most, newest = restored.execute("SELECT count(*), min(b), max(b), max(a) FROM pairs").fetchone()
    assert rows > 0 and least == most == newest == rows - 1, "a transaction was cut in two"


def test_a_bad_archive_changes_nothing(vault, tmp_path):
    script, data, end = vault
    end()
    before = sorted(path.name for path in data.iterdir())
    broken = tmp_path / "broken.tar.gz"
    broken.write_bytes(b"no archive")
    foreign = tmp_path / "foreign.tar.gz"
    with tarfile.open(foreign, "w:gz") as archive:
        archive.add(data / "rsa_key.pem", "something")
    for path, words in ((broken, "gzip"), (foreign, "not a backup of Vaultwarden")):
        done = script("restore.sh", path, data, check=False)
        assert done.returncode != 0 and words in done.stderr, done.stderr
    assert sorted(path.name for path in data.iterdir()) == before
    empty = script("fetch.sh", "s3://backups/elsewhere/", tmp_path, check=False)
    assert empty.returncode != 0 and "no backup" in empty.stderr


def test_excalidraw_is_given_its_own_collaboration_server(tmp_path):
    site, out = tmp_path / "site", tmp_path / "out"
    (site / "assets").mkdir(parents=True)
    out.mkdir()
    (site / "index.html").write_text("<html>")
    (site / "assets" / "a.js").write_text('x("https://oss-collab.excalidraw.com")')
    (site / "assets" / "a.js.gz").write_bytes(b"old")
    (site / "service-worker.js").write_text("precache")
    script = SOURCE / "charts/excalidraw/files/site.sh"
    subprocess.run(["sh", script, site, out, "https://e.example.org"], check=True, capture_output=True)
    assert (out / "assets" / "a.js").read_text() == 'x("https://e.example.org")'
    assert not (out / "assets" / "a.js.gz").exists()
    assert "precache" not in (out / "service-worker.js").read_text()
    assert (site / "assets" / "a.js").read_text() == 'x("https://oss-collab.excalidraw.com")'
    (site / "assets" / "a.js").write_text("another build")
    done = subprocess.run(["sh", script, site, out, "https://e.example.org"], capture_output=True, text=True)
    assert done.returncode != 0 and "built differently" in done.stderr


# The libraries of the base image: glibc and libgcc.
LIBRARIES = {"linux-vdso.so.1", "libc.so.6", "libm.so.6", "libgcc_s.so.1", "libpthread.so.0", "libdl.so.2", "librt.so.1"}


def test_the_binary_needs_what_the_image_has():
    listed = subprocess.run(["ldd", paths.tool("FLOW_PROXY", "the proxy")], check=True, capture_output=True, text=True).stdout
    needed = {line.split()[0] for line in listed.splitlines()}
    assert {name for name in needed if not name.startswith("/lib")} <= LIBRARIES, needed


def test_the_image_is_built_of_all_that_cargo_reads(tmp_path):
    """A copy of the build's context is the whole workspace, with the allocator's settings, which are compiled in."""
    ignored = (SOURCE / "Dockerfile.dockerignore").read_text().splitlines()
    taken = [line[1:] for line in ignored if line.startswith("!")]
    assert "*" in ignored and ".cargo" in taken
    for name in taken:
        source = paths.ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("target"))
        else:
            shutil.copy(source, tmp_path)
    command = ["cargo", "metadata", "--locked", "--offline", "--no-deps", "--format-version", "1"]
    there, here = (json.loads(subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout) for folder in (tmp_path, paths.ROOT))
    assert [package["id"].rpartition("#")[2] for package in there["packages"]] == [package["id"].rpartition("#")[2] for package in here["packages"]]
    settings = tomllib.loads((tmp_path / ".cargo" / "config.toml").read_text())["env"]["JEMALLOC_SYS_WITH_MALLOC_CONF"]
    assert settings.encode() in pathlib.Path(paths.tool("FLOW_PROXY", "the proxy")).read_bytes(), "the allocator is not as it should be"


def test_the_dockerfile_is_in_order():
    done = subprocess.run([pathlib.Path(sys.executable).parent / "hadolint", SOURCE / "Dockerfile"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_the_binary_runs_as_the_image_s_user_with_nothing_of_its_own(tmp_path_factory):
    """User 65532, no home, no environment, a root that cannot be written."""
    image = USER_SCRIPT.format(proxy=paths.tool("FLOW_PROXY", "the proxy"))
    done = subprocess.run(["unshare", "--mount", "sh", "-ec", image], capture_output=True, text=True, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
    assert done.returncode == 0, done.stderr
    assert "200" in done.stdout, done.stdout + done.stderr


USER_SCRIPT = """
mkdir -p /tmp/image && mount -t tmpfs none /tmp/image
cp {proxy} /tmp/image/flow-proxy && chmod 755 /tmp/image /tmp/image/flow-proxy
cd /tmp/image && mount -o remount,ro /tmp/image
setpriv --reuid 65532 --regid 65532 --clear-groups --no-new-privs --bounding-set=-all env -i /tmp/image/flow-proxy \\
    --entryPoints.web.address=127.0.0.1:29180 --entryPoints.traefik.address=127.0.0.1:29188 --ping --api.insecure >&2 &
pid=$!
for attempt in $(seq 100); do
    curl -fsS -o /dev/null -w '%{{http_code}}' http://127.0.0.1:29188/ready 2>/dev/null && break
    sleep 0.1
done
kill $pid
"""
