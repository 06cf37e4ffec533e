"""The certificate of all subjects, ECDSA P-256."""

import base64
import functools

from harness import paths, pki


@functools.cache
def own():
    return pki.leaf("localhost")


def files():
    """Write the certificate in the files and forms that the programs need."""
    pair = own()
    crt, key = pair.write(paths.WORK, "pair")
    pem = paths.WORK / "pair.pem"
    pem.write_text(pair.chain_pem + pair.key_pem)
    return {
        "crt": crt,
        "key": key,
        "pem": pem,
        "crt_base64": base64.b64encode(pair.chain_pem.encode()).decode(),
        "key_base64": base64.b64encode(pair.key_pem.encode()).decode(),
    }
