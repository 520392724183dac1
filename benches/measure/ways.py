"""The programs that are compared, and the command lines by which they do the same work."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import counts
from .counts import Reader
from .places import USUAL, Place, Setting

PYTEST_RS = Setting("pytest-rs", replaces=("pytest-rs==0.0.12",), newer=True)
RTEST = Setting("rtest", adds=("rtest==0.0.47",))
KARVA = Setting("karva", replaces=("karva==0.0.1a13",))
CITO = "cito==0.3.0"


@dataclass(frozen=True)
class Way:
    """One program's way to do a work; the commands are made for a place."""

    key: str
    title: str
    read: Reader
    once: Callable[[Place], list[str]]
    # For ten rounds; left out: a shell's loop over `once`.
    loop: Callable[[Place, int], list[str]] | None = None
    setting: Setting = USUAL
    # Said once, after the last round of a shell's loop.
    closing: tuple[str, ...] = ()
    # It stays for the next call, and is closed when the whole contest is over.
    leaves_daemon: bool = False

    def words(self, place: Place, rounds: int) -> list[str]:
        if rounds == 1:
            return self.once(place)
        if self.loop is not None:
            return self.loop(place, rounds)
        return shell_loop(self.once(place), rounds, self.closing)


def shell_loop(command: list[str], rounds: int, closing: tuple[str, ...]) -> list[str]:
    """Repeats a command as people do; its status is the last bad one."""
    body = f"s=0; for i in $(seq {rounds}); do {shlex.join(command)} || s=$?; done; "
    return ["sh", "-c", f"{body}{shlex.join(closing) or ':'}; exit $s"]


def plain() -> Way:
    return Way("pytest", "pytest", counts.pytest_counts, lambda place: pytest_words(place))


def xdist(workers: int, setting: Setting = USUAL) -> Way:
    return Way(
        "xdist",
        f"pytest -n {workers}",
        counts.pytest_counts,
        lambda place: pytest_words(place, "-n", str(workers)),
        setting=setting,
    )


def pytest_words(place: Place, *options: str) -> list[str]:
    words = [str(place.python), "-m", "pytest", "-q"]
    return [*words, *options, *place.options, *place.paths]


class Pnl:
    """The build that is measured."""

    def __init__(self, program: Path) -> None:
        self.program = program

    def way(self, workers: int, setting: Setting = USUAL) -> Way:
        """Loops as `--loop N --isolation round`: fresh workers and fixtures in each round."""

        def once(place: Place) -> list[str]:
            return self._words(place, "-n", str(workers))

        def loop(place: Place, rounds: int) -> list[str]:
            words = once(place)
            options = ["--loop", str(rounds), "--isolation", "round", "--keep-going"]
            return [*words[:2], *options, *words[2:]]

        title = f"pnl test -n {workers}"
        return Way("pnl", title, counts.pnl_counts, once, loop, setting)

    def warm(self) -> Way:
        return Way(
            "pnl",
            "pnl test --warm",
            counts.pnl_counts,
            lambda place: self._words(place, "--warm"),
            closing=(str(self.program), "warm", "stop"),
            leaves_daemon=True,
        )

    def _words(self, place: Place, *options: str) -> list[str]:
        words = [str(self.program), "test", "-q", *options, "--python", str(place.python)]
        return [*words, *place.paths, *(["--", *place.options] if place.options else [])]


class Cito:
    """Collects by parsing, and hands node ids to pytests that stay alive."""

    def __init__(self, program: Path) -> None:
        self.program = program

    def way(self, workers: int, *more: str) -> Way:
        options = ["--warm", "-n", str(workers), *more]
        title = f"cito run {' '.join(options)}"
        return Way("cito", title, counts.cito_counts, self._once(options))

    def daemon(self, workers: int, *more: str, stays: bool = False) -> Way:
        options = ["--daemon", "-n", str(workers), *more]
        return Way(
            "cito-daemon",
            f"cito run {' '.join(options)}",
            counts.cito_counts,
            self._once(options),
            closing=(str(self.program), "daemon", "stop"),
            leaves_daemon=stays,
        )

    def _once(self, given: list[str]) -> Callable[[Place], list[str]]:
        def once(place: Place) -> list[str]:
            words = [str(self.program), "run", *given, "--json", "--python", str(place.python)]
            options = [*place.options]
            paths = place.paths
            if "--pyargs" in options:  # unknown to it: it is given the folder
                at = options.index("--pyargs")
                (name,) = options[at + 1 : at + 2]
                del options[at : at + 2]
                (package,) = place.python.parents[1].glob(
                    f"lib/*/site-packages/{name.replace('.', '/')}"
                )
                paths = [str(package)]
            return [*words, *paths, *(["--", *options] if options else [])]

        return once


def pytest_rs(workers: int) -> Way:
    def once(place: Place) -> list[str]:
        program = str(place.python.parent / "pytest-rs")
        return [program, "-q", "-n", str(workers), *place.options, *place.paths]

    title = f"pytest-rs -n {workers}"
    return Way("pytest-rs", title, counts.pytest_counts, once, setting=PYTEST_RS)


def rtest(workers: int) -> Way:
    def once(place: Place) -> list[str]:
        return [str(place.python.parent / "rtest"), "-n", str(workers), *place.paths]

    return Way("rtest", f"rtest -n {workers}", counts.rtest_counts, once, setting=RTEST)


def karva(workers: int) -> Way:
    def once(place: Place) -> list[str]:
        return [str(place.python.parent / "karva"), "test", "-n", str(workers), *place.paths]

    return Way("karva", f"karva test -n {workers}", counts.karva_counts, once, setting=KARVA)
