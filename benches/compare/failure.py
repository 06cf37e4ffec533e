"""Errors that end a run."""

import signal
import sys


class Failed(Exception):
    """A subject did not do its work: a wrong answer, a broken connection, a short body."""


class Mistake(Exception):
    """The command names something that does not exist."""


def exit_code(name, command, mistakes=(Mistake, OSError)):
    """Run a benchmark; print an error on standard error; return the exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        command()
    except mistakes as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    except (Failed, AssertionError) as error:
        print(f"{name}: the run failed: {error}", file=sys.stderr)
        return 1
    return 0
