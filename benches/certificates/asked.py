"""Requests to the API server by verb and resource, as it counts them itself."""

import collections
import re

SAMPLE = re.compile(r'^apiserver_request_total\{(.*)\} (\S+)$', re.M)
LABEL = re.compile(r'(\w+)="([^"]*)"')
# What does not count: leases are renewed as time passes, by the API server too; a watch is counted when it ends.
BESIDE = {"leases"}


def counts(cluster):
    """{"POST events": number} of all requests so far, those of other clients included."""
    answer = cluster.http.get(cluster.base + "/metrics", timeout=60)
    answer.raise_for_status()
    found = collections.Counter()
    for labels, value in SAMPLE.findall(answer.text):
        labels = dict(LABEL.findall(labels))
        resource = labels.get("resource", "")
        if resource and resource not in BESIDE and labels["verb"] != "WATCH":
            found[labels["verb"] + " " + resource + ("/" + labels["subresource"] if labels.get("subresource") else "")] += float(value)
    return found


def between(before, after, own):
    """What was asked in between, but for the kinds of our own requests."""
    return {kind: after[kind] - before[kind] for kind in after if kind not in own and after[kind] > before[kind]}
