"""CPU time and requests since a moment."""

import sys
import time

from . import asked

# Seconds after which the work for a certificate that is ready is over.
AFTER = 2
# Requests of this benchmark itself.
OWN = {"POST ingresses", "POST configmaps"}


class Work:
    """What was used since it was made."""

    def __init__(self, stage, own=()):
        self.stage, self.own = stage, OWN | set(own)
        self.asked, self.cpu, self.began = asked.counts(stage.cluster), stage.cpu(), time.monotonic()

    def __str__(self):
        return f"{self.seconds():.0f} s, {self.used()['replicas']:.1f} s of CPU"

    def seconds(self):
        return time.monotonic() - self.began

    def used(self):
        """CPU seconds by what used them."""
        return {name: seconds - self.cpu[name] for name, seconds in self.stage.cpu().items()}

    def each(self, count):
        """Figures for each of so many certificates: milliseconds of CPU, and requests by kind."""
        used, kinds = self.used(), asked.between(self.asked, asked.counts(self.stage.cluster), self.own)
        of = lambda value: value / count if count else float("nan")
        return {
            "cpu": of(used["replicas"]) * 1e3,
            "cpu of the API server": of(used["API server"]) * 1e3,
            "cpu of the CA": of(used["CA"]) * 1e3,
            "requests": of(sum(kinds.values())),
            "kinds": {kind: of(number) for kind, number in sorted(kinds.items(), key=lambda item: -item[1])},
        }


def say(size, text):
    print(f"{size:,}: {text}", file=sys.stderr, flush=True)
