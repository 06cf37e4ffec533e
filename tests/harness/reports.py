"""What the lanes of `tests/run` reported: PASSED FAILED SKIPPED on standard output, the slowest tests on standard error."""

import pathlib
import sys
import xml.etree.ElementTree as tree

SLOWEST = 10
# What pytest ends with where it has nothing to run: a lane whose files the others took.
NOTHING_TO_RUN = 5


def counts(report):
    """Passed, failed and skipped tests, and (seconds, name) of each, of one lane's report."""
    suite = tree.parse(report).getroot().find("testsuite")
    total, bad, skipped, errors = (int(suite.get(key)) for key in ("tests", "failures", "skipped", "errors"))
    cases = [(float(case.get("time")), f"{case.get('classname')}::{case.get('name')}") for case in suite.iter("testcase")]
    return total - bad - errors - skipped, bad + errors, skipped, cases


def main(folder):
    passed, failed, skipped, cases = 0, 0, 0, []
    for code in sorted(pathlib.Path(folder).glob("lane-*.code")):
        try:
            p, f, s, own = counts(code.with_suffix(".xml"))
        except (OSError, tree.ParseError):
            p, f, s, own = 0, 1, 0, []
        if int(code.read_text()) not in (0, NOTHING_TO_RUN):
            f = max(f, 1)
        passed, failed, skipped, cases = passed + p, failed + f, skipped + s, cases + own
    print("slowest tests:", file=sys.stderr)
    for seconds, name in sorted(cases, reverse=True)[:SLOWEST]:
        print(f"{seconds:7.1f} s  {name}", file=sys.stderr)
    print(passed, failed, skipped)


if __name__ == "__main__":
    main(sys.argv[1])
