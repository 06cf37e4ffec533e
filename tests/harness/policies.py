"""An evaluation of NetworkPolicies, by the rules of networking.k8s.io/v1."""


def admits(items, direction, namespace, labels, port, peer=None, protocol="TCP"):
    """True if a pod of a namespace may receive (`Ingress`) from, or send (`Egress`) to, a peer at a port.

    The peer is the labels of its namespace and its own, as `{"namespace": name, "labels": {…}}`; none is outside of the cluster.
    Policies of several objects add up, and a pod that none selects is open.
    """
    rules, selected = [], False
    for item in items:
        if item["kind"] != "NetworkPolicy" or item["metadata"]["namespace"] != namespace or direction not in item["spec"]["policyTypes"]:
            continue
        if matches(item["spec"]["podSelector"], labels):
            selected = True
            rules += item["spec"].get(direction.lower()) or []
    side = "from" if direction == "Ingress" else "to"
    return not selected or any(at(rule.get("ports"), port, protocol) and among(rule.get(side), namespace, peer) for rule in rules)


def matches(selector, labels):
    assert set(selector) <= {"matchLabels"}, f"not understood here: {selector}"
    return (selector.get("matchLabels") or {}).items() <= labels.items()


def at(ports, port, protocol):
    """No ports are all ports."""
    return not ports or any(entry.get("port") in (None, port) and entry.get("protocol", "TCP") == protocol for entry in ports)


def among(peers, own, peer):
    """No peers are all peers."""
    return not peers or (peer is not None and any(one_of(entry, own, peer) for entry in peers))


def one_of(entry, own, peer):
    if "namespaceSelector" in entry:
        if not matches(entry["namespaceSelector"], {"kubernetes.io/metadata.name": peer["namespace"]}):
            return False
    elif peer["namespace"] != own:
        return False
    return matches(entry.get("podSelector", {}), peer.get("labels", {}))
