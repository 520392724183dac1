"""How often tests fail by themselves: their own text, thousands of times, with time made up."""

import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from draw import draw
from planting.chance import PLANTS as CHANCES
from planting.composition import Parameters
from planting.deadlines import PLANTS as DEADLINES

TIMES = 4000
# Beyond which chance goes once in millions of draws.
DEVIATIONS = 5


class Clock:
    """Stands for the module `time`, and for a server at which waiting costs nothing."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def get(self, path: str) -> dict[str, Any]:
        return {}


@pytest.mark.filterwarnings("ignore:Unknown pytest.mark.pnl")
@pytest.mark.parametrize("family", [*CHANCES, *DEADLINES])
@pytest.mark.parametrize("seed", range(1, 6))
def test_a_test_fails_as_often_as_the_truth_says(tmp_path: Path, family: str, seed: int) -> None:
    truth = draw(seed, Parameters(families=(family,)), tmp_path / "lab")
    [(nodeid, true)] = truth["tests"].items()
    clock = Clock()
    test = function(tmp_path / "lab", nodeid, clock)
    failed = sum(fails(test, clock, limit_of(test)) for _ in range(TIMES))
    rate = true["rate"]
    deviation = math.sqrt(rate * (1 - rate) / TIMES)
    assert abs(failed / TIMES - rate) < DEVIATIONS * deviation
    assert true["verdict"] == "flaky-alone" and true["culprits"] == []


def function(lab: Path, nodeid: str, clock: Clock) -> Callable[..., None]:
    file, *group, name = nodeid.split("::")
    names: dict[str, Any] = {}
    exec((lab / file).read_text(), names)
    names.update(time=clock, random=random)
    found: Callable[..., None] = names[name] if not group else getattr(names[group[0]](), name)
    return found


def limit_of(test: Callable[..., None]) -> float:
    """The limit that the mark gives, which is pnl's to keep."""
    marks = getattr(test, "pytestmark", [])
    return next((float(mark.kwargs["timeout"]) for mark in marks), math.inf)


def fails(test: Callable[..., None], clock: Clock, limit: float) -> bool:
    clock.now = 0.0
    try:
        test(clock)
    except (AssertionError, KeyError, TimeoutError):
        return True
    return clock.now > limit
