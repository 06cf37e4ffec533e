"""Waiting for a condition instead of sleeping."""

import time


def eventually(check, seconds=5, every=0.01, what=None):
    """Return the first truthy value of `check()`; after `seconds`, fail with its last error or value."""
    end = time.monotonic() + seconds
    last = None
    while True:
        try:
            value = check()
            if value:
                return value
            last = f"last value {value!r}"
        except (AssertionError, OSError, KeyError, LookupError, ValueError) as error:
            last = f"last error {error!r}"
        if time.monotonic() > end:
            raise AssertionError(f"{what or 'the condition'} did not hold within {seconds} s; {last}")
        time.sleep(every)


def consistently(check, seconds=0.5, every=0.02):
    """Assert that `check()` stays true for a while, so that something does not happen."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert check()
        time.sleep(every)
