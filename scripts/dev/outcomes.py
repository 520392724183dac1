"""How the tests of a run ended: read from what pytest and pnl write, counted and compared."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

# A list in the order in which tests ended: a test that ran twice stands there twice.
Executions = list[tuple[str, str]]


@dataclass(frozen=True)
class Difference:
    """A test whose outcomes are not the same on both sides; an empty list where it did not run."""

    test: str
    expected: list[str]
    found: list[str]

    def __str__(self) -> str:
        return f"{self.test}: {words(self.expected)} → {words(self.found)}"


def words(outcomes: list[str]) -> str:
    return ", ".join(outcomes) if outcomes else "absent"


def read_plugin(file: Path) -> Executions:
    """What `plugin/pytest_outcomes.py` wrote; nothing if pytest did not come that far."""
    if not file.exists():
        return []
    return [(test, outcome) for test, outcome in map(json.loads, lines(file))]


def read_pnl(file: Path) -> Executions:
    """What `pnl test --jsonl` wrote."""
    if not file.exists():
        return []
    events = map(json.loads, lines(file))
    return [(e["nodeid"], e["outcome"]) for e in events if e["event"] == "test-ended"]


def lines(file: Path) -> Iterator[str]:
    # Not splitlines(): it would also cut at separators that JSON leaves as they are.
    with file.open(encoding="utf-8", newline="\n") as opened:
        yield from opened


def differences(expected: Executions, found: Executions) -> list[Difference]:
    """The tests whose outcomes differ, each with all of its outcomes, by node id."""
    here, there = by_test(expected), by_test(found)
    return [
        Difference(test, here.get(test, []), there.get(test, []))
        for test in sorted(here.keys() | there.keys())
        if here.get(test) != there.get(test)
    ]


def by_test(executions: Executions) -> dict[str, list[str]]:
    tests: dict[str, list[str]] = {}
    for test, outcome in executions:
        tests.setdefault(test, []).append(outcome)
    return {test: sorted(outcomes) for test, outcomes in tests.items()}


def without_parameters(executions: Executions, tests: Iterable[str]) -> Executions:
    """The same with `[…]` in place of the parameters of those tests: their ids are not stable."""
    bases = {base(test) for test in tests if "[" in test}
    return [(base(test) if base(test) in bases else test, outcome) for test, outcome in executions]


def base(test: str) -> str:
    return f"{test.partition('[')[0]}[…]" if "[" in test else test


def summary(executions: Executions) -> str:
    """As pytest's closing line: `12 passed, 1 skipped`."""
    counts = Counter(outcome for _, outcome in executions)
    return ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items())) or "none"
