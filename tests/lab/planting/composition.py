"""Which causes a lab has: each kind of verdict at least once, and about half of it stable."""

from dataclasses import dataclass

from planting import (
    broken,
    chance,
    crowds,
    deadlines,
    growth,
    leaks,
    once,
    outages,
    races,
    stable,
)
from planting.chooser import Chooser
from planting.words import Kind, Plant, Planting

PLANTS: dict[str, Plant] = {
    **broken.PLANTS,
    **chance.PLANTS,
    **crowds.PLANTS,
    **deadlines.PLANTS,
    **growth.PLANTS,
    **leaks.PLANTS,
    **once.PLANTS,
    **outages.PLANTS,
    **races.PLANTS,
    **stable.PLANTS,
}
POLLUTED = [name for name in leaks.PLANTS if name != "brittle"]


@dataclass(frozen=True)
class Parameters:
    """What a lab is drawn by, besides its seed."""

    tests: int = 48
    """At least so many."""
    workers: int = 4
    """Limits on concurrency are below this."""
    families: tuple[str, ...] = ()
    """These and no others, for looking at them alone."""


@dataclass
class Planted:
    """A planting, and the name of its family."""

    family: str
    planting: Planting


def compose(choose: Chooser, parameters: Parameters) -> list[Planted]:
    """The lab's plantings, stable ones last."""
    if parameters.families:
        return [Planted(name, PLANTS[name](choose)) for name in parameters.families]
    planted = [Planted(name, PLANTS[name](choose)) for name in _needed(choose)]
    while troubled(planted) < parameters.tests * 0.45:
        name = choose.random.choice([name for name in PLANTS if name != "stable"])
        planted.append(Planted(name, PLANTS[name](choose)))
    while tests(planted) < max(parameters.tests, 2 * troubled(planted)):
        planted.append(Planted("stable", PLANTS["stable"](choose)))
    return planted


def _needed(choose: Chooser) -> list[str]:
    """All kinds of verdicts, each by one of its families or by some."""
    sample = choose.random.sample
    away = sample(list(outages.PLANTS), 2 if choose.chance(0.25) else 1)
    return [
        *chance.PLANTS,
        *sample(list(races.PLANTS), 2),
        *sample(POLLUTED, 2),
        "brittle",
        "pool",
        *sample(["strain-requests", "strain-busy"], 1),
        *growth.PLANTS,
        *away,
        *sample(list(deadlines.PLANTS), 1),
        "once-in-process",
        *sample(list(broken.PLANTS), 1),
    ]


def tests(planted: list[Planted]) -> int:
    return sum(len(each.planting.cases) for each in planted)


def troubled(planted: list[Planted]) -> int:
    """Tests that can fail."""
    cases = [case for each in planted for case in each.planting.cases]
    return sum(case.kind is not Kind.STABLE for case in cases)
