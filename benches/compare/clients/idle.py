"""Connections that are idle after one response: `idle PORT PATH COUNT` prints "open" and keeps them until a line is read."""

import concurrent.futures
import ssl
import sys

from . import https

AT_ONCE = 16


def main(port, path, count):
    context = https.context()

    def open_one(_):
        connection = https.connect(context, port)
        https.ask(connection, path, close=False)
        return connection

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as threads:
        connections = list(threads.map(open_one, range(count)))
    print("open", flush=True)
    sys.stdin.readline()
    for connection in connections:
        connection.setblocking(False)
        if not _rests(connection):
            raise ConnectionError("a connection was closed while it rested")


def _rests(connection):
    """True if nothing has arrived, not even an end; TLS's own messages are no data."""
    try:
        connection.recv(1)
        return False
    except ssl.SSLWantReadError:
        return True


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
