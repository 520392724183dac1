"""What is measured: each work with the ways to do it that are compared."""

from collections.abc import Iterator
from dataclasses import dataclass

from . import ways
from .places import NEWER_PYTHON
from .ways import Cito, Pnl, Way

# One of flask's that does nothing but what pytest needs for any test.
ONE_TEST = "tests/test_basic.py::test_options_work"
SUITES = ("click", "flask", "attrs", "more-itertools", "networkx")
# Of these a run of all ways takes about a minute and more on two quiet cores.
LONG = ("more-itertools", "networkx")
LONG_RUNS = 3
# cito hands up to 256 tests to a worker at a time, which would leave seven of eight idle.
SMALL = ("--chunk", "20")
ROUNDS = 10
ALL = ("pnl", "pytest", "xdist", "cito-daemon")
BOTH = ("pnl", "pytest", "xdist")
NONE: tuple[str, ...] = ()


@dataclass(frozen=True)
class Work:
    """The first of the ways is pnl's, with which all others are compared."""

    key: str
    title: str
    suite: str
    ways: list[Way]
    rounds: int = 1
    # Its peak of memory is what is asked for.
    memory: bool = False
    # Only this of the suite.
    only: str = ""
    # No more runs than this, however many are asked for; 0 for no limit.
    most_runs: int = 0
    # The goals need these of the ways; the others are for information.
    needed: tuple[str, ...] = ALL


def works(pnl: Pnl, cito: Cito | None, *, has_warm: bool) -> Iterator[Work]:
    """In the order in which they are worth having, should time run out."""
    yield from needed(pnl, cito, has_warm=has_warm)
    yield from newer_python(pnl)


def needed(pnl: Pnl, cito: Cito | None, *, has_warm: bool) -> Iterator[Work]:
    two = [ways.plain(), ways.xdist(2), *([cito.way(2)] if cito else [])]
    eight = [ways.xdist(8), *([cito.way(8)] if cito else [])]
    small = [ways.plain(), ways.xdist(8), *([cito.way(8, *SMALL)] if cito else [])]
    others = [ways.rtest(2), ways.karva(2)]
    yield Work(
        "a-2", "(a) 5,000 trivial tests", "trivial", [pnl.way(2), *two, *others], needed=BOTH
    )
    yield Work("a-8", "(a) 5,000 trivial tests", "trivial", [pnl.way(8), *eight], memory=True)
    yield Work("b-8", "(b) 200 × 50 ms", "sleeping", [pnl.way(8), *small], needed=BOTH)
    yield from (real_suite(suite, [pnl.way(2), *two]) for suite in SUITES)
    if has_warm:
        yield warm(pnl, cito)
    for key, title, suite, workers in (
        ("d-a", "(a) 5,000 trivial tests", "trivial", 2),
        ("d-flask", "(c) flask", "flask", 2),
        ("d-b", "(b) 200 × 50 ms", "sleeping", 8),
        ("d-example", "the example's HTTP suite", "example", 2),
    ):
        loops = [pnl.way(workers), ways.xdist(workers)]
        loops += [cito.daemon(workers, *(SMALL if workers == 8 else ()))] if cito else []
        wanted = ("pnl", "xdist", *(("cito-daemon",) if suite == "flask" else ()))
        yield Work(key, title, suite, loops, ROUNDS, most_runs=LONG_RUNS, needed=wanted)


def real_suite(name: str, compared: list[Way]) -> Work:
    title = f"(c) {name}" + (" (algorithms/tests)" if name == "networkx" else "")
    most = LONG_RUNS if name in LONG else 0
    return Work(f"c-{name}", title, name, compared, most_runs=most, needed=BOTH)


def warm(pnl: Pnl, cito: Cito | None) -> Work:
    """A single test, again and again, against programs that stay in memory."""
    stays = [cito.daemon(1, stays=True)] if cito else []
    compared = [pnl.warm(), ways.plain(), *stays]
    return Work("warm", "one test of flask", "flask", compared, only=ONE_TEST, needed=ALL)


def newer_python(pnl: Pnl) -> Iterator[Work]:
    """pytest-rs, with pnl and pytest under the same interpreter as it has."""
    for key, title, suite, workers, rounds in (
        ("a-2-rs", "(a) 5,000 trivial tests", "trivial", 2, 1),
        ("a-8-rs", "(a) 5,000 trivial tests", "trivial", 8, 1),
        ("b-8-rs", "(b) 200 × 50 ms", "sleeping", 8, 1),
        *((f"c-{suite}-rs", f"(c) {suite}", suite, 2, 1) for suite in SUITES),
        ("d-flask-rs", "(c) flask", "flask", 2, ROUNDS),
    ):
        compared = [
            pnl.way(workers, NEWER_PYTHON),
            ways.xdist(workers, NEWER_PYTHON),
            ways.pytest_rs(workers),
        ]
        memory = key == "a-8-rs"
        yield Work(key, title, suite, compared, rounds, memory, "", LONG_RUNS, NONE)
