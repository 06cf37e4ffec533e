#!/usr/bin/env python3
"""Run a command in network, process and mount namespaces of its own.

    namespace.py COMMAND...

Backends get addresses that an EndpointSlice may hold (the API server refuses loopback addresses), low ports are free, load
never leaves the namespace, and whatever the command leaves running ends with it. As root by unshare alone; without root
by an unprivileged user namespace.
"""

import os
import subprocess
import sys

MARK = "FLOW_TEST_NAMESPACE"
ADDRESSES = [f"10.99.{n}.{i}" for n in range(2) for i in range(1, 10)]
FLAVOURS = [
    ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"],
    ["unshare", "--user", "--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"],
    ["unshare", "--net", "--mount"],
    ["unshare", "--user", "--map-root-user", "--net", "--mount"],
]


def inside():
    """True if this process is in such a namespace already."""
    return bool(os.environ.get(MARK))


def prepare():
    """Raise the loopback device and give it the backends' addresses."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for address in ADDRESSES:
        subprocess.run(["ip", "addr", "add", f"{address}/32", "dev", "lo"], check=True)
    # Thousands of short connections a minute must not run out of ports.
    try:
        with open("/proc/sys/net/ipv4/ip_local_port_range", "w") as ports:
            ports.write("32768 65000")
        with open("/proc/sys/net/ipv4/tcp_tw_reuse", "w") as reuse:
            reuse.write("1")
    except OSError:
        pass


def main(command):
    if inside():
        prepare()
        # A proxy of the machine outside cannot be reached from here, and the program under test would ask it.
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"):
            os.environ.pop(name, None)
            os.environ.pop(name.lower(), None)
        os.execvp(command[0], command)
    for flavour in FLAVOURS:
        if subprocess.run([*flavour, "true"], capture_output=True).returncode == 0:
            os.environ[MARK] = "1"
            os.execvp(flavour[0], [*flavour, sys.executable, os.path.abspath(__file__), *command])
    sys.exit("no network namespace can be made here: neither as root nor by an unprivileged user namespace")


if __name__ == "__main__":
    main(sys.argv[1:])
