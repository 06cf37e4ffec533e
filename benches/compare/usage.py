"""CPU and memory of a program and its children, from /proc."""

import os
import re

TICKS = os.sysconf("SC_CLK_TCK")


def tree(pid):
    """The process ids of a program and all below it."""
    found = [pid]
    for parent in found:
        for thread in _names(f"/proc/{parent}/task"):
            found += [int(child) for child in _text(f"/proc/{parent}/task/{thread}/children").split()]
    return found


def cpu(pid):
    """(user, system) seconds of CPU of a program and all below it, ended children included."""
    user = system = 0
    for one in tree(pid):
        fields = _text(f"/proc/{one}/stat").rsplit(")", 1)[-1].split()
        if len(fields) > 14:
            user += int(fields[11]) + int(fields[13])
            system += int(fields[12]) + int(fields[14])
    return user / TICKS, system / TICKS


def memory(pid):
    """Resident bytes of a program and all below it; shared memory counts once (Pss)."""
    total = 0
    for one in tree(pid):
        found = re.search(r"^Pss:\s+(\d+) kB", _text(f"/proc/{one}/smaps_rollup"), re.M)
        found = found or re.search(r"^VmRSS:\s+(\d+) kB", _text(f"/proc/{one}/status"), re.M)
        total += int(found[1]) * 1024 if found else 0
    return total


def _names(folder):
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _text(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""
