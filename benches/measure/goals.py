"""What is to be reached, and what was: the goals of one table, from the results."""

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass

from .contest import Result
from .works import SUITES

Results = dict[str, Result]


@dataclass(frozen=True)
class Reached:
    """A measured figure; `spread` is the lowest and the highest, in words."""

    value: float
    spread: str = ""


@dataclass(frozen=True)
class Goal:
    """`measure` gives None where something is missing, or ran other tests."""

    key: str
    work: str
    against: str
    most: float
    measure: Callable[[Results], Reached | None]
    unit: str = ""


def ratio(work: str, other: str, figure: str = "wall") -> Callable[[Results], Reached | None]:
    """The median over the runs."""

    def measure(results: Results) -> Reached | None:
        found = results[work].ratios(other, figure) if work in results else []
        return between(statistics.median(found), found) if found else None

    return measure


def over_suites(
    one: Callable[[Result], float | None], sum_up: Callable[[list[float]], float]
) -> Callable[[Results], Reached | None]:
    """One figure for each suite; all suites must have it."""

    def measure(results: Results) -> Reached | None:
        known = [results[f"c-{suite}"] for suite in SUITES if f"c-{suite}" in results]
        found = [value for result in known if (value := one(result)) is not None]
        return between(sum_up(found), found) if len(found) == len(SUITES) else None

    return measure


def between(value: float, found: list[float]) -> Reached:
    return Reached(value, f"{min(found):.2f}–{max(found):.2f}")


def to_xdist(result: Result) -> float | None:
    return result.ratio("xdist")


def to_the_faster(result: Result) -> float | None:
    """Of plain pytest and xdist, as their medians say."""
    found = [result.ratio(key) for key in ("pytest", "xdist")]
    known = [value for value in found if value is not None]
    return max(known) if len(known) == len(found) else None


def geometric_mean(found: list[float]) -> float:
    return math.exp(statistics.fmean(map(math.log, found)))


def controller(results: Results) -> Reached | None:
    """Microseconds of pnl's own process for each of the 50,000 tests of a loop."""
    result = results.get("d-a")
    mine = result.entry("pnl") if result else None
    if result is None or mine is None or mine.fault or not mine.own_cpu:
        return None
    found = [seconds / (result.tests * result.rounds) * 1e6 for seconds in mine.own_cpu]
    return Reached(statistics.median(found), f"{min(found):.0f}–{max(found):.0f}")


GOALS = [
    Goal("a-xdist", "(a) once, 2 workers", "`pytest -n 2`", 0.35, ratio("a-2", "xdist")),
    Goal("a-pytest", "(a) once, 2 workers", "plain pytest", 0.48, ratio("a-2", "pytest")),
    Goal("b-xdist", "(b) once, 8 workers", "`pytest -n 8`", 0.65, ratio("b-8", "xdist")),
    Goal(
        "c-mean",
        "(c) geometric mean, 2 workers",
        "`pytest -n 2`",
        0.50,
        over_suites(to_xdist, geometric_mean),
    ),
    Goal("c-worst", "(c) the worst, 2 workers", "`pytest -n 2`", 0.75, over_suites(to_xdist, max)),
    Goal(
        "c-faster",
        "(c) the worst, 2 workers",
        "the faster of plain and xdist",
        0.75,
        over_suites(to_the_faster, max),
    ),
    Goal("d-a", "(d) (a), ten rounds", "shell loop of `pytest -n 2`", 0.18, ratio("d-a", "xdist")),
    Goal(
        "d-flask",
        "(d) flask, ten rounds",
        "shell loop of `pytest -n 2`",
        0.18,
        ratio("d-flask", "xdist"),
    ),
    Goal("d-b", "(d) (b), ten rounds", "shell loop of `pytest -n 8`", 0.60, ratio("d-b", "xdist")),
    Goal(
        "d-example",
        "(d) example, ten rounds",
        "shell loop of `pytest -n 2`",
        0.60,
        ratio("d-example", "xdist"),
    ),
    Goal(
        "d-cito",
        "(d) flask, ten rounds",
        "cito's daemon, ten calls",
        0.60,
        ratio("d-flask", "cito-daemon"),
    ),
    Goal(
        "memory",
        "memory, 8 workers on (a), summed PSS",
        "`pytest -n 8`",
        0.50,
        ratio("a-8", "xdist", "peak"),
    ),
    Goal("warm", "warm single test", "cito's daemon", 1.0, ratio("warm", "cito-daemon")),
    Goal("controller", "pnl's own CPU for a test", "", 15, controller, " µs"),
]
