"""TLS 1.3 connections that resume the one before: `resumed load PORT SECONDS PATH` prints how many."""

import concurrent.futures
import sys
import time

from . import https

AT_ONCE = 8


def main(port, seconds, path):
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as threads:
        print(sum(threads.map(lambda _: chain(port, seconds, path), range(AT_ONCE))))


def chain(port, seconds, path):
    """One connection after the other, each with the ticket of the one before; how many were resumed."""
    context, session, count = https.context(), None, 0
    end = time.monotonic() + seconds
    while time.monotonic() < end or count == 0:
        with https.connect(context, port, session) as connection:
            if session is not None:
                if not connection.session_reused:
                    raise ConnectionError(f"connection {count + 2} was not resumed")
                count += 1
            https.ask(connection, path, close=True)
            session = connection.session
    return count


if __name__ == "__main__":
    main(int(sys.argv[2]), float(sys.argv[3]), sys.argv[4])
