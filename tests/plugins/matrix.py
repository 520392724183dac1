"""Runs a small suite for each plugin in every way, and writes docs/plugins.md: `./check --plugins`.

A plugin works in a way if its tests end as under plain pytest, and if what it leaves (reports,
coverage, artefacts) is the same.
"""

import argparse
import json
import shutil
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path

from dev import leftovers, machine, outcomes, ways
from dev.machine import ROOT
from dev.outcomes import Executions
from dev.steps import Failed, Skipped, Steps
from dev.ways import Place, Run, Way
from facts import Left, Wrong, facts_of
from page import Verdict, write
from rows import Row, read_rows

PAGE = ROOT / "docs" / "plugins.md"
PNL = [
    Way(f"{engine} -n 2", ("--engine", engine, "-n", "2"), is_pnl=True)
    for engine in ("fork", "spawn")
]


def main() -> int:
    options = parse_options()
    leftovers.adopt_orphans()
    steps = Steps()
    rows = read_rows()
    for row in rows:
        if not options.only or row.name in options.only:
            steps.run(row.title, partial(examine, row, options))
    known = [(row, read(row, options.work)) for row in rows]
    write(options.page, [(row, verdict) for row, verdict in known if verdict is not None])
    return steps.close()


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./check --plugins", description=__doc__)
    parser.add_argument("--only", action="append", metavar="NAME", help="this plugin; repeatable")
    parser.add_argument("--pnl", type=Path, default=ROOT / "target" / "release" / "pnl")
    parser.add_argument("--work", type=Path, default=ROOT / ".check" / "plugins")
    parser.add_argument("--page", type=Path, default=PAGE)
    return parser.parse_args()


def examine(row: Row, options: argparse.Namespace) -> None:
    if row.needs and shutil.which(row.needs) is None:
        raise Skipped(f"{row.needs} is not on the PATH")
    try:
        trial = Trial(row, options.work, options.pnl)
    except machine.Unavailable as problem:
        raise Failed(str(problem)) from problem
    verdict = trial.verdict()
    file = options.work / f"{row.key}.json"
    file.write_text(json.dumps(asdict(verdict), indent=1))
    wrong = [cell for cell in (verdict.fork, verdict.spawn) if cell not in ("same", "says so")]
    if wrong or verdict.pytest != "works":
        raise Failed(f"{verdict}\nsee {trial.scratch}")


def read(row: Row, work: Path) -> Verdict | None:
    file = work / f"{row.key}.json"
    return Verdict(**json.loads(file.read_text())) if file.exists() else None


class Trial:
    """One row: plain pytest's run of its suite, and what each other way makes of it."""

    def __init__(self, row: Row, work: Path, pnl: Path) -> None:
        self._row = row
        self._pnl = pnl
        self._python = row.environment(work)
        self.scratch = work / "runs" / row.key
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.scratch.mkdir(parents=True)

    def verdict(self) -> Verdict:
        plain, left = self._run(ways.PYTEST)
        try:
            expected = facts_of(self._row.facts)(left)
        except Wrong as wrong:
            return Verdict(str(wrong), "", "", "")
        if plain.status not in (0, 1) or not plain.executions:
            return Verdict(f"exit {plain.status}", "", "", "")
        cells = [self._cell(way, plain, expected) for way in (ways.XDIST, *PNL)]
        return Verdict("works", *cells)

    def _cell(self, way: Way, plain: Run, expected: object) -> str:
        run, left = self._run(way)
        if run.refused:
            return "refused"
        differing = outcomes.differences(self._expected(plain.executions, left), run.executions)
        if differing:
            return f"{len(differing)} tests differ ({differing[0]})"
        try:
            found = facts_of(self._row.facts)(left)
        except Wrong as wrong:
            return str(wrong)
        if found != expected:
            return f"not the same {self._row.facts.replace('_', ' ')}"
        status = 1 if left.killed else plain.status
        if run.status != status:
            return f"exit {run.status}"
        return self._judge_words(way, run)

    def _judge_words(self, way: Way, run: Run) -> str:
        if not way.is_pnl or not self._row.says:
            return "same"
        return "says so" if self._row.says in run.output else "says nothing"

    def _expected(self, plain: Executions, left: Left) -> Executions:
        """Plain pytest's outcomes, once for each round, and with the killed test's."""
        return [
            (test, "crashed" if test == left.killed else outcome) for test, outcome in plain
        ] * left.rounds

    def _run(self, way: Way) -> tuple[Run, Left]:
        """In a fresh copy of the suite, as plugins leave files in it."""
        folder = self.scratch / way.title.replace(" ", "")
        shutil.copytree(self._row.suite, folder, ignore=shutil.ignore_patterns("__pycache__"))
        env = machine.activated(machine.clean_environment(), self._python)
        place = Place(folder, self._python, self._pnl, {**env, **self._row.env}, self.scratch)
        more = self._row.pnl if way.is_pnl else []
        words = (*way.words, *more)
        chosen = Way(way.title, words, way.is_pnl, self._row.prefix)
        run = ways.run(chosen, place, [], self._row.options)
        (self.scratch / f"{folder.name}.out").write_text(run.output)
        rounds = self._row.rounds if way.is_pnl else 1
        return run, Left(folder, run.output, rounds, self._row.killed)


if __name__ == "__main__":
    sys.exit(main())
