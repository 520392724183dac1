"""How many tests a command ran and how they ended, read from what it printed."""

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

# In pytest's closing line, `error` and `errors` are one.
OUTCOMES = ("passed", "failed", "skipped", "xfailed", "xpassed", "error")
PYTEST_CLOSING = re.compile(r"^=*\s*((?:\d+ [a-z ]+(?:, )?)+) in [\d.]+s(?: \([\d:]+\))?\s*=*$")
PNL_CLOSING = re.compile(
    r"^(?:(\d+) rounds?, )?(\d+) tests?((?:, \d+ [a-z]+)*), (?:\d+ m )?[\d.]+ s$"
)
KARVA_CLOSING = re.compile(r"Summary \[.*\] \d+ tests run: (.*)$")


class Unreadable(Exception):
    """The output does not say what the command did."""


@dataclass(frozen=True)
class Counts:
    """Tests by outcome. What a program does not tell apart is not among `told`."""

    by_outcome: dict[str, int]
    told: tuple[str, ...] = OUTCOMES

    def times(self, rounds: int) -> "Counts":
        return Counts({name: count * rounds for name, count in self.by_outcome.items()}, self.told)

    def differs(self, other: "Counts") -> bool:
        """Whether they differ in anything that both tell, but for what was skipped.

        pytest counts files that are skipped as a whole among the skipped tests, and others do not.
        A test that was skipped but should have run is missing among the others.
        """
        names = set(self.told) & set(other.told) - {"skipped"}
        return any(self.by_outcome.get(n, 0) != other.by_outcome.get(n, 0) for n in names)

    def __str__(self) -> str:
        parts = [f"{self.by_outcome[n]:,} {n}" for n in OUTCOMES if self.by_outcome.get(n)]
        return ", ".join(parts) or "none"


Reader = Callable[[str, int], Counts]


def pytest_counts(output: str, rounds: int) -> Counts:
    """Sums the closing lines, of which there must be one for each round."""
    return summed(output, rounds, PYTEST_CLOSING)


def rtest_counts(output: str, rounds: int) -> Counts:
    """Sums what its workers' pytests say in closing, however many there are."""
    return summed(output, 0, PYTEST_CLOSING)


def karva_counts(output: str, rounds: int) -> Counts:
    """It tells passed, failed and skipped."""
    found = summed(output, rounds, KARVA_CLOSING)
    return Counts(found.by_outcome, ("passed", "failed", "skipped"))


def pnl_counts(output: str, rounds: int) -> Counts:
    """`20 tests, 18 passed, 1 failed, 3.1 s`; a loop leaves out what passed."""
    found = [match for line in output.splitlines() if (match := PNL_CLOSING.match(line.strip()))]
    if not found:
        raise Unreadable("no closing line")
    tests, parts = int(found[-1][2]), outcomes(found[-1][3])
    if int(found[-1][1] or 1) != rounds:
        raise Unreadable(f"{found[-1][1]} rounds instead of {rounds}")
    unknown = parts.keys() - set(OUTCOMES)
    if unknown:
        raise Unreadable(f"{', '.join(sorted(unknown))} in the closing line")
    others = sum(count for name, count in parts.items() if name != "passed")
    return Counts({**parts, "passed": tests - others})


def cito_counts(output: str, rounds: int) -> Counts:
    """Sums the JSON lines of `--json`, which tell passed, failed and skipped."""
    found = [json.loads(line) for line in output.splitlines() if line.startswith('{"chunks"')]
    if len(found) != rounds:
        raise Unreadable(f"{len(found)} summaries instead of {rounds}")
    told = ("passed", "failed", "skipped")
    return Counts({name: sum(one[name] for one in found) for name in told}, told)


def summed(output: str, expected: int, closing: re.Pattern[str]) -> Counts:
    lines = [match[1] for line in output.splitlines() if (match := closing.search(line.strip()))]
    if not lines or (expected and len(lines) != expected):
        raise Unreadable(f"{len(lines)} closing lines instead of {expected or 'some'}")
    total: Counter[str] = Counter()
    for line in lines:
        total.update(outcomes(line))
    return Counts({name: total[name] for name in OUTCOMES})


def outcomes(text: str) -> dict[str, int]:
    """`2434 passed, 1 error` by name."""
    found = re.findall(r"(\d+) (\w+)(?=,|$)", text)
    return {name.removesuffix("s") if name == "errors" else name: int(n) for n, name in found}
