"""Small things about sockets and files that several parts need."""

import os
import resource
import socket


def _file_limit():
    """Raise the limit of open files as far as possible, for this process and its children."""
    for wanted in (65536, resource.getrlimit(resource.RLIMIT_NOFILE)[1]):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
            return wanted
        except (ValueError, OSError):
            continue
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


FILES = _file_limit()


def listens(port):
    """True if a port of this machine accepts connections."""
    with socket.create_connection(("127.0.0.1", port), 1):
        return True


def user():
    """The user of nginx's workers: root if root starts them, as they use a folder that belongs to root."""
    return "user root;" if os.geteuid() == 0 else ""
