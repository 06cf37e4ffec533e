"""Small things about sockets and files that several parts need."""

import os
import resource
import socket


def _file_limit():
    """Raise the limit of open files as far as it goes, for this process and what it starts."""
    for wanted in (65536, resource.getrlimit(resource.RLIMIT_NOFILE)[1]):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
            return wanted
        except (ValueError, OSError):
            continue
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


FILES = _file_limit()


def listens(port):
    """Whether something accepts connections on a port of this machine's."""
    with socket.create_connection(("127.0.0.1", port), 1):
        return True


def user():
    """nginx's workers stay root where root starts them: they read and write in a folder that is root's."""
    return "user root;" if os.geteuid() == 0 else ""
