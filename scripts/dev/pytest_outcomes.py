"""A pytest plugin that writes each test's outcome, in pnl's words, to the file OUTCOMES_FILE names.

With pytest-xdist it listens in the controller, which hears of every worker's tests.
"""

import json
import os
from pathlib import Path

import pytest

RANK = ["passed", "xpassed", "xfailed", "skipped", "failed", "error"]


class Outcomes:
    def __init__(self) -> None:
        self.by_test: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        outcome = outcome_of(report)
        known = self.by_test.get(report.nodeid, outcome)
        self.by_test[report.nodeid] = max(known, outcome, key=RANK.index)

    def pytest_sessionfinish(self) -> None:
        Path(os.environ["OUTCOMES_FILE"]).write_text(json.dumps(self.by_test))


def outcome_of(report: pytest.TestReport) -> str:
    if hasattr(report, "wasxfail"):
        return "xfailed" if report.skipped else "xpassed"
    if report.failed and report.when != "call":
        return "error"
    return report.outcome


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Outcomes(), "outcomes")
