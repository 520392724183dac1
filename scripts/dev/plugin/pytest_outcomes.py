"""A pytest plugin that writes a line of JSON for each test that ended: node id and outcome.

To the file that OUTCOMES_FILE names, in the words of pnl's reports, but with none of pnl's code: it
is what pnl is compared with. With pytest-xdist it listens in the controller, which hears of every
worker's tests. It stands in a folder of its own, for a PYTHONPATH that shows nothing else.
"""

import json
import os
from pathlib import Path

import pytest

ENDS = ("teardown", "???")  # The latter is xdist's report of a worker that died.


class Outcomes:
    def __init__(self, file: Path) -> None:
        self._file = file.open("w", buffering=1)
        self._open: dict[tuple[object, str], list[pytest.TestReport]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        test = (getattr(report, "node", None), report.nodeid)
        reports = self._open.setdefault(test, [])
        if report.when == "setup":
            reports.clear()  # Of an attempt that was not the last.
        reports.append(report)
        if report.when in ENDS:
            if not any(str(report.outcome) == "rerun" for report in reports):
                print(json.dumps([report.nodeid, outcome_of(reports)]), file=self._file)
            del self._open[test]

    def pytest_unconfigure(self) -> None:
        self._file.close()


def outcome_of(reports: list[pytest.TestReport]) -> str:
    """What pytest's closing line counts the test as; a failed call weighs most."""
    failed = [report.when for report in reports if report.failed]
    if "???" in failed:
        return "crashed"
    if failed:
        return "failed" if "call" in failed else "error"
    # Reports of subtests are of classes of their own, and count for their test only if they fail.
    for report in (report for report in reports if type(report) is pytest.TestReport):
        if hasattr(report, "wasxfail"):
            return "xfailed" if report.skipped else "xpassed"
        if report.skipped:
            return "skipped"
    return "passed"


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Outcomes(Path(os.environ["OUTCOMES_FILE"])), "outcomes")
