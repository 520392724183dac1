"""Runs suites of others in every way, and writes docs/fidelity.md: `./check --corpus`.

What a suite came to is kept in the work folder, so that a run over some of them changes only their
rows, and --resume goes on where another run ended.
"""

import argparse
import json
import signal
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path

from dev import leftovers, machine
from dev.machine import ROOT
from dev.steps import Failed, Skipped, Steps
from suites import Suite, prepare, read_list
from table import write
from verdicts import Examination, Verdict

PAGE = ROOT / "docs" / "fidelity.md"


def main() -> int:
    options = parse_options()
    leftovers.adopt_orphans()
    # A shell that starts this in the background has it ignore Ctrl-C, and suites test that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    steps = Steps()
    corpus = read_list()
    for suite in corpus:
        if chosen(suite, options):
            steps.run(suite.key, partial(examine, suite, options))
    known = [(suite, read(suite, options.work)) for suite in corpus]
    write(options.page, [(suite, verdict) for suite, verdict in known if verdict is not None])
    return steps.close()


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./check --corpus", description=__doc__)
    parser.add_argument("--only", action="append", metavar="NAME", help="this suite; repeatable")
    parser.add_argument("--pytest", metavar="VERSION", help="this version of pytest, or its start")
    parser.add_argument("--resume", action="store_true", help="leave out what has a result")
    parser.add_argument("--pnl", type=Path, default=ROOT / "target" / "release" / "pnl")
    parser.add_argument("--work", type=Path, default=ROOT / ".check" / "corpus")
    parser.add_argument("--page", type=Path, default=PAGE)
    return parser.parse_args()


def chosen(suite: Suite, options: argparse.Namespace) -> bool:
    by_name = not options.only or suite.name in options.only
    return by_name and suite.pytest.startswith(options.pytest or "")


def examine(suite: Suite, options: argparse.Namespace) -> None:
    """A difference fails the step; a suite that pytest itself does not run is skipped."""
    verdict = read(suite, options.work) if options.resume else None
    if verdict is None:
        try:
            place = prepare(suite, options.work, options.pnl)
        except machine.Unavailable as problem:
            verdict = Verdict(not_borne=last_line(str(problem)))
        else:
            verdict = Examination(suite, place).verdict()
        result(suite, options.work).write_text(json.dumps(asdict(verdict), indent=1))
    if verdict.not_borne:
        raise Skipped(f"plain pytest does not run it: {verdict.not_borne}")
    print(f"   {verdict.tests} tests: {verdict.summary}; {verdict.cells}")
    pnls = [cell for title, cell in verdict.cells.items() if not title.startswith("pytest")]
    if any(cell != "equal" for cell in pnls):
        raise Failed("\n".join(verdict.notes))


def last_line(text: str) -> str:
    return text.strip().splitlines()[-1]


def read(suite: Suite, work: Path) -> Verdict | None:
    file = result(suite, work)
    return Verdict(**json.loads(file.read_text())) if file.exists() else None


def result(suite: Suite, work: Path) -> Path:
    return work / "runs" / suite.key / "verdict.json"


if __name__ == "__main__":
    sys.exit(main())
