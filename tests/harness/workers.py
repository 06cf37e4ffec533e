"""Threads that work until they are left."""

import threading


class Workers:
    """`add` gives each thread its work, which ends soon after `ended` is set."""

    def __init__(self):
        self.ended, self.threads = threading.Event(), []

    def add(self, work, *arguments):
        self.threads.append(threading.Thread(target=work, args=arguments, daemon=True))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join(30)
