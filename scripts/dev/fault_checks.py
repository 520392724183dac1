"""Faults made on purpose: some of those that docs/reliability.md has the table of."""

import re

from . import commands
from .machine import ROOT
from .steps import Counts, Steps
from .workbench import Workbench

# About two minutes on two cores; of the quick check, a quarter of one.
RUNS = 80
QUICK_RUNS = 10

CLOSING = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", re.M)


def check_faults(steps: Steps, bench: Workbench, *, quick: bool) -> None:
    """The injector with the pnl that was built, and always the same cases."""
    runs = QUICK_RUNS if quick else RUNS
    command = ["cargo", "xtask", "faults", "--runs", str(runs), "--jobs", "3"]
    command += ["--pnl", str(bench.pnl), "--python", str(bench.python)]
    steps.run(
        "faults made on purpose",
        lambda: commands.count(command, _counts, cwd=ROOT, env=bench.env),
    )


def _counts(output: str) -> Counts:
    found = CLOSING.search(output)
    return Counts(*map(int, found.groups())) if found else Counts(failed=1)
