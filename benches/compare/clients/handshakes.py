"""TLS 1.3 connections with one request each: `handshakes load PORT SECONDS PATH full|resumed` prints how many.

wrk cannot do full handshakes: it resumes the session of the previous connection whenever it got a ticket.
"""

import concurrent.futures
import sys
import time

from . import https

AT_ONCE = 8


def main(port, seconds, path, resumed):
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as threads:
        print(sum(threads.map(lambda _: chain(port, seconds, path, resumed), range(AT_ONCE))))


def chain(port, seconds, path, resumed):
    """Open one connection after the other; return how many had the requested handshake. To resume, each uses the ticket of the one
    before."""
    context, session, count, opened = https.context(), None, 0, 0
    end = time.monotonic() + seconds
    while time.monotonic() < end or count == 0:
        with https.connect(context, port, session) as connection:
            opened += 1
            if connection.session_reused != (session is not None):
                raise ConnectionError(f"connection {opened} was {'' if connection.session_reused else 'not '}resumed")
            count += connection.session_reused == resumed
            https.ask(connection, path, close=True)
            session = connection.session if resumed else None
    return count


if __name__ == "__main__":
    main(int(sys.argv[2]), float(sys.argv[3]), sys.argv[4], {"full": False, "resumed": True}[sys.argv[5]])
