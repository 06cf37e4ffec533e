"""A Kubernetes namespace for one test."""

import itertools

from . import objects
from .backends import ADDRESSES, HTTP

_numbers = itertools.count(1)


class Space:
    """A namespace for one test, with a ready Service `backend`. What was applied is deleted after the test."""

    def __init__(self, cluster):
        self.cluster, self.name, self.applied = cluster, f"t{next(_numbers)}", []
        self.host = f"{self.name}.test"
        cluster.apply(objects.namespace(self.name))
        self.backend("backend")

    def apply(self, *items):
        for item in items:
            if item not in self.applied:
                self.applied.append(item)
        self.cluster.apply(*items)

    def delete(self, *items):
        self.cluster.delete(*items)

    def backend(self, name, port=HTTP, addresses=ADDRESSES[:1], annotations=None, conditions=None, **spec):
        """A Service on port 80 with its EndpointSlice."""
        self.apply(
            objects.service(name, self.name, annotations={objects.ANNOTATION + k: v for k, v in (annotations or {}).items()}, **spec),
            objects.endpoints(name, self.name, addresses, port, conditions),
        )

    def route(self, host=None, backend="backend", name=None, middlewares=(), annotations=None, group=objects.CRD, **more):
        """Apply an Ingress for a host and return the host; Middlewares are made of the specs in `middlewares`."""
        host = host or self.host
        name = name or "ing-" + host.replace("*", "any").replace(".", "-")
        references = []
        for i, spec in enumerate(middlewares):
            self.apply(objects.middleware(f"{name}-{i}", self.name, spec, group))
            references.append(f"{self.name}-{name}-{i}@kubernetescrd")
        annotations = dict(annotations or {})
        if references:
            annotations["router.middlewares"] = ",".join(references)
        self.apply(objects.ingress(name, self.name, host, backend, annotations=annotations, **more))
        return host

    def clear(self):
        """Delete all that was applied."""
        self.cluster.delete(*reversed(self.applied))
