"""Permissions that an account has and uses, by the API server's audit log."""

import json

POLICY = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n"


def asked(path, user):
    """(group, resource, verb) of every request of a user, and those that were refused."""
    done, refused = set(), set()
    for line in path.read_text().splitlines():
        event = json.loads(line)
        if event["user"].get("username") == user and "objectRef" in event:
            target = event["objectRef"]
            resource = target["resource"] + ("/" + target["subresource"] if "subresource" in target else "")
            request = (target.get("apiGroup", ""), resource, event["verb"])
            done.add(request)
            if event.get("responseStatus", {}).get("code") == 403:
                refused.add(request)
    return done, refused


def granted(cluster, *roles):
    """(group, resource, verb) of all that the roles at these paths allow."""
    return {entry for role in roles for entry in allowed(cluster.get("/apis/rbac.authorization.k8s.io/v1/" + role)["rules"])}


def allowed(rules):
    """(group, resource, verb) of all that rules allow."""
    return {(group, resource, verb) for rule in rules for group in rule["apiGroups"] for resource in rule["resources"] for verb in rule["verbs"]}


def compare(done, refused, rights):
    """Assert that nothing was refused and that every permission was used."""
    assert not refused, f"missing: {refused}"
    # Lists come as streams, which is `watch`; `list` is for API servers that do not stream them.
    streamed = {(group, resource, "list") for group, resource, verb in done if verb == "watch"}
    unused = rights - done - streamed
    assert not unused, f"unused: {sorted(unused)}"
    return True
