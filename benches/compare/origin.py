"""The backends, one of each kind, on the core of the load."""

import json
import os
import random
import sys

from harness import paths
from harness.processes import Process
from harness.waiting import eventually

from . import net, template
from .failure import Failed

ADDRESS, PORT = "127.0.0.1", 25090
SMALL, MEDIUM, LARGE, JSON = 1024, 10 * 1024, 1024 * 1024, 100 * 1024


def start(kind, cpus):
    """The backend `http` (nginx), `websocket`, `grpc` or `huge` (programs of this folder) on some cores, and wait until it listens."""
    cpu = ",".join(map(str, sorted(cpus)))
    if kind == "http":
        process = Process("origin", ["nginx", "-c", _configuration(), "-e", "stderr"], cpu=cpu)
    else:
        process = Process("origin", [sys.executable, "-m", f"compare.clients.{kind}", "serve", ADDRESS, PORT], cpu=cpu)
    try:
        eventually(lambda: net.listens(PORT), 20, what=f"the backend {kind}")
    except AssertionError as error:
        process.stop()
        raise Failed(f"{error}\n{process.log()[-2000:]}") from None
    return process


def _configuration():
    folder = paths.WORK / "origin"
    (folder / "put").mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        folder.chmod(0o777)
    (folder / "medium").write_bytes(b"k" * MEDIUM)
    (folder / "large").write_bytes(os.urandom(LARGE))
    (folder / "list.json").write_text(_list_of_orders(JSON))
    values = {
        "user": net.user(),
        "work": paths.WORK,
        "files": net.FILES,
        "files_folder": folder,
        "origin": f"{ADDRESS}:{PORT}",
        "small": "k" * SMALL,
    }
    file = paths.WORK / "origin.conf"
    file.write_text(template.render("origin.conf", values, ()))
    return file


def _list_of_orders(size):
    """A JSON text of exactly `size` bytes such as an API returns: names repeat, values do not."""
    draw = random.Random(6)
    words = ["amber", "basalt", "cedar", "delta", "ember", "fjord", "grove", "harbor", "iris", "jade", "kelp", "lumen"]
    orders, length = [], 2
    while length < size - 300:
        order = {
            "id": draw.randrange(10**9),
            "customer": f"{draw.choice(words)}.{draw.choice(words)}@{draw.choice(words)}.example",
            "state": draw.choice(["open", "paid", "shipped", "returned"]),
            "total": round(draw.random() * 1000, 2),
            "created": f"2026-{draw.randrange(1, 13):02}-{draw.randrange(1, 29):02}T{draw.randrange(24):02}:{draw.randrange(60):02}:00Z",
            "note": " ".join(draw.choice(words) for _ in range(draw.randrange(3, 12))),
        }
        orders.append(json.dumps(order))
        length += len(orders[-1]) + 2
    text = "[" + ", ".join(orders) + "]"
    return text + " " * (size - len(text))
