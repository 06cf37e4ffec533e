"""Annotated Ingresses of one host each."""

from harness import objects, parallel

from .stage import ADDRESS, ISSUER, PORT

TENANTS = [f"tenant-{number}" for number in range(20)]


class Hosts:
    """Ingresses, their names counted from 0 after a prefix, in turn over the tenants' namespaces; all of one lead to one Service."""

    def __init__(self, cluster, key, prefix="h", tenants=TENANTS):
        self.cluster, self.key, self.prefix, self.tenants, self.count = cluster, key, prefix, tenants, 0
        for space in tenants:
            cluster.apply(objects.namespace(space), objects.service("s", space), objects.endpoints("s", space, [ADDRESS], PORT))

    def name(self, number):
        return f"{self.prefix}{number}"

    def host(self, number):
        return f"{self.prefix}{number}.many.test"

    def namespace(self, number):
        return self.tenants[number % len(self.tenants)]

    def ingress(self, number):
        name = self.name(number)
        item = objects.ingress(name, self.namespace(number), self.host(number), "s")
        item["spec"]["tls"] = [{"hosts": [self.host(number)], "secretName": name}]
        item["metadata"]["annotations"] = {"cert-manager.io/cluster-issuer": ISSUER}
        if self.key != "rsa":
            item["metadata"]["annotations"]["cert-manager.io/private-key-algorithm"] = self.key.upper()
        return item

    def add(self, count, nice=0):
        """Create some more; the names of the new ones."""
        numbers = range(self.count, self.count + count)
        self.count += count
        at = lambda number: f"/apis/networking.k8s.io/v1/namespaces/{self.namespace(number)}/ingresses"
        parallel.send(self.cluster, (("POST", at(number), self.ingress(number)) for number in numbers), nice=nice)
        return [self.name(number) for number in numbers]

    def renew(self, count, now):
        """Ask for another certificate for the first of them, as `cmctl renew` does."""
        wish = {"type": "Issuing", "status": "True", "reason": "ManuallyTriggered", "message": "Renewal of all", "lastTransitionTime": now}
        patch = [{"op": "add", "path": "/status/conditions/-", "value": wish}]
        at = lambda number: f"/apis/cert-manager.io/v1/namespaces/{self.namespace(number)}/certificates/{self.name(number)}/status"
        parallel.send(self.cluster, (("PATCH", at(number), patch) for number in range(count)), "application/json-patch+json")
