"""Annotated Ingresses of one host each, created over kept connections to the API server."""

import http.client
import json
import ssl
import threading

from compare.failure import Failed
from harness import objects
from harness.cluster import TOKEN

from .stage import ISSUER

NAMESPACES = 20
ADDRESS, PORT = "10.99.0.7", 9600
CLIENTS = 8


class Hosts:
    """Ingresses, their names counted from 0, in turn over the namespaces; all of a namespace lead to one Service."""

    def __init__(self, cluster, key):
        self.cluster, self.key, self.count = cluster, key, 0
        for number in range(NAMESPACES):
            space = f"tenant-{number}"
            cluster.apply(objects.namespace(space), objects.service("s", space), objects.endpoints("s", space, [ADDRESS], PORT))

    @staticmethod
    def name(number):
        return f"h{number}"

    @staticmethod
    def host(number):
        return f"h{number}.many.test"

    @staticmethod
    def namespace(number):
        return f"tenant-{number % NAMESPACES}"

    def ingress(self, number):
        name = self.name(number)
        item = objects.ingress(name, self.namespace(number), self.host(number), "s")
        item["spec"]["tls"] = [{"hosts": [self.host(number)], "secretName": name}]
        item["metadata"]["annotations"] = {"cert-manager.io/cluster-issuer": ISSUER}
        if self.key != "rsa":
            item["metadata"]["annotations"]["cert-manager.io/private-key-algorithm"] = self.key.upper()
        return item

    def add(self, count):
        """Create some more; the numbers of the new ones."""
        numbers = range(self.count, self.count + count)
        self.count += count
        errors = []
        threads = [threading.Thread(target=self._create, args=(numbers[i::CLIENTS], errors)) for i in range(min(CLIENTS, count))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise Failed(f"{len(errors)} clients could not create Ingresses: {errors[0]}")
        return numbers

    def _create(self, numbers, errors):
        server = connection(self.cluster)
        head = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        try:
            for number in numbers:
                path = f"/apis/networking.k8s.io/v1/namespaces/{self.namespace(number)}/ingresses"
                server.request("POST", path, json.dumps(self.ingress(number)), head)
                answer = server.getresponse()
                text = answer.read()
                if answer.status != 201:
                    raise Failed(f"{answer.status} {text[:300]}")
        except (OSError, http.client.HTTPException, Failed) as error:
            errors.append(error)
        finally:
            server.close()


def connection(cluster, timeout=60):
    """An HTTP connection to the API server."""
    return http.client.HTTPSConnection("127.0.0.1", cluster.port, timeout=timeout, context=ssl._create_unverified_context())
