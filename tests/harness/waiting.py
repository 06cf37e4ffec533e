"""Waiting for a condition instead of sleeping."""

import time


def eventually(check, seconds=5, every=0.01, what=None):
    """The first truthy value of `check()`; its last error or value is in the message when the time is over."""
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
    """Assert that `check()` stays true for a while: for what must not happen."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert check()
        time.sleep(every)
