"""Prints each event of a Kubernetes watch with the time of its arrival: `watcher.py URL TOKEN`."""

import json
import sys
import time


def main(url, token):
    import requests
    import urllib3

    urllib3.disable_warnings()
    session = requests.Session()
    session.trust_env = False
    answer = session.get(url, headers={"Authorization": f"Bearer {token}"}, verify=False, stream=True, timeout=(5, 3600))
    answer.raise_for_status()
    print("watching", flush=True)
    pending = b""
    while piece := answer.raw.read1(65536) if hasattr(answer.raw, "read1") else next(answer.iter_content(None), b""):
        now = time.monotonic()
        pending += piece
        *lines, pending = pending.split(b"\n")
        for line in lines:
            event = json.loads(line)
            print(json.dumps([now, event["type"], event["object"]]), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
