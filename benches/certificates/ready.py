"""The time at which each Certificate became ready, by a watch that carries nothing but table cells."""

import http.client
import json
import threading
import time

from harness import parallel
from harness.cluster import TOKEN


TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
PATH = "/apis/cert-manager.io/v1/certificates?watch=1&includeObject=None"


class Ready:
    """Times (of time.monotonic()) by the Certificates' names, which are different in all namespaces."""

    def __init__(self, cluster):
        self.cluster, self.times, self.changed, self.ended, self.error = cluster, {}, threading.Condition(), False, None
        self.column = None
        threading.Thread(target=self._run, daemon=True).start()

    def wait(self, names, seconds, told=None):
        """Wait until all of them are ready, or for so long; the times of those that are. `told(count)` is called every few seconds."""
        end, wanted = time.monotonic() + seconds, set(names)
        say = time.monotonic() + 5
        with self.changed:
            while True:
                found = wanted & self.times.keys()
                now = time.monotonic()
                if told and now >= say:
                    told(len(found))
                    say = now + 5
                if self.error:
                    raise self.error
                if len(found) == len(wanted) or now >= end:
                    return {name: self.times[name] for name in found}
                self.changed.wait(min(end, say) - now if len(wanted) > 50 else 0.05)

    def stop(self):
        self.ended = True

    def _run(self):
        try:
            while not self.ended:
                # A watch that ends is begun again; it first tells all that there is.
                self._watch()
        except (OSError, http.client.HTTPException, ValueError) as error:
            if not self.ended:
                with self.changed:
                    self.error = error
                    self.changed.notify_all()

    def _watch(self):
        server = parallel.connection(self.cluster, None)
        server.request("GET", PATH, headers={"Authorization": f"Bearer {TOKEN}", "Accept": TABLE})
        answer = server.getresponse()
        if answer.status != 200:
            raise ValueError(f"the watch of Certificates: {answer.status} {answer.read(300)}")
        rest = b""
        while data := answer.read1(1 << 18):
            *lines, rest = (rest + data).split(b"\n")
            self._take([json.loads(line) for line in lines if line])

    def _take(self, events):
        now = time.monotonic()
        with self.changed:
            for event in events:
                table = event["object"]
                if table["kind"] != "Table":
                    raise ValueError(f"the watch of Certificates: {event}")
                if columns := [column["name"] for column in table.get("columnDefinitions") or []]:
                    self.column = columns.index("Ready")
                for row in table["rows"]:
                    if row["cells"][self.column] == "True":
                        self.times.setdefault(row["cells"][0], now)
            self.changed.notify_all()
