"""Steady visitors over kept connections and WebSockets, who note each thing that goes wrong."""

import threading
import time

import websockets.sync.client

from . import clients


class Visitors:
    """`pages` threads asking for a page over kept connections, `talks` threads talking over WebSockets of `seconds` each."""

    def __init__(self, port, host, pages=6, talks=3, seconds=1.5):
        self.port, self.host, self.seconds = port, host, seconds
        self.asked, self.talked, self.failures, self.answered_by = 0, 0, [], set()
        self.ended = threading.Event()
        work = [self._pages] * pages + [self._talks] * talks
        self.threads = [threading.Thread(target=self._until_end, args=(what,), daemon=True) for what in work]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join(30)

    def _until_end(self, work):
        while not self.ended.is_set():
            try:
                work()
            except Exception as error:  # whatever it is, a visitor saw it
                self.failures.append(f"{time.strftime('%X')} {work.__name__} {error!r}")

    def _pages(self):
        """One connection until the other side says that it ends it."""
        with clients.Http1(self.port) as connection:
            while not self.ended.is_set():
                answer = connection.request(self.host)
                assert answer.status == 200, answer
                self.asked += 1
                self.answered_by.add(answer.text.strip())
                if (answer.get("connection") or "").lower() == "close":
                    return
                time.sleep(0.02)

    def _talks(self):
        """One conversation, each word of which must come back, and a farewell."""
        with websockets.sync.client.connect(f"ws://{self.host}/ws", sock=clients.connect(self.port), open_timeout=10, close_timeout=10) as talk:
            end, number = time.monotonic() + self.seconds, 0
            while time.monotonic() < end:
                talk.send(f"word {number}")
                assert talk.recv(10) == f"word {number}"
                number += 1
                time.sleep(0.05)
        self.talked += 1
