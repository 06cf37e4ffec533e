"""Many requests to the API server at once, over kept connections."""

import http.client
import json
import os
import ssl
import threading

from .cluster import TOKEN

CLIENTS = 8


def connection(cluster, timeout=60):
    """An HTTP connection to the API server."""
    return http.client.HTTPSConnection("127.0.0.1", cluster.port, timeout=timeout, context=ssl._create_unverified_context())


def send(cluster, requests, kind="application/json", ended=None, nice=0):
    """Send requests (method, path, body) until all are answered, or `ended` is set; fails at any answer but a success.

    The clients' threads have the niceness `nice`.
    """
    source, lock, errors, sent = iter(requests), threading.Lock(), [], []

    def following():
        with lock:
            return None if errors or ended and ended.is_set() else next(source, None)

    def client():
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)
        server = connection(cluster)
        try:
            while request := following():
                method, path, body = request
                server.request(method, path, json.dumps(body), {"Authorization": f"Bearer {TOKEN}", "Content-Type": kind})
                answer = server.getresponse()
                text = answer.read()
                if not 200 <= answer.status < 300:
                    raise AssertionError(f"{method} {path}: {answer.status} {text[:300]}")
                sent.append(path)
        except (OSError, http.client.HTTPException, AssertionError) as error:
            errors.append(error)
        finally:
            server.close()

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, f"{len(errors)} clients failed: {errors[0]}"
    return len(sent)


def create(cluster, items):
    """Create objects that are not there yet."""
    send(cluster, (("POST", cluster.url(item, name=False), item) for item in items))
