"""What ends a run."""

import signal
import sys


class Failed(Exception):
    """A subject did not do its work: a wrong answer, a broken connection, a short body."""


class Mistake(Exception):
    """The command asks for what there is not."""


def exit_code(name, command, mistakes=(Mistake, OSError)):
    """Runs a benchmark; what ended it, said on standard error, as the code to exit with."""
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
