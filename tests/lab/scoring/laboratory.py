"""Runs pnl on a lab: a fresh folder, its server, a loop, and perhaps experiments."""

import json
import os
import select
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from draw import draw
from planting.composition import Parameters

from scoring.judging import Row, Seen, judge, naive, seen

START_S = 20.0
# A loop takes about one minute on two cores, experiments a few; somebody else may use the machine.
LIMIT_S = 1800.0


class Broken(Exception):
    """A lab could not be run; the text says what to look at."""


@dataclass(frozen=True)
class Ways:
    """How labs are drawn and run."""

    pnl: Path
    python: Path
    parameters: Parameters
    workers: int
    loop: tuple[str, ...]
    """The words that say how long to loop."""
    experiments: bool
    confirm: tuple[str, ...] = ()
    """The words for them beyond `confirm`."""


@dataclass(frozen=True)
class Stage:
    """What is known at a point: from the loop alone, or after experiments."""

    rows: list[Row]
    executions: int
    """What this stage has spent."""
    seconds: float


@dataclass(frozen=True)
class Result:
    """One lab."""

    seed: int
    tests: int
    rounds: int
    seen: Seen
    naive: int
    loop: Stage
    confirmed: Stage | None


def run(seed: int, ways: Ways, folder: Path) -> Result:
    """Draws the lab into `folder`, which must not be there, and leaves all that was said there."""
    truth = draw(seed, ways.parameters, folder)
    with serving(folder, ways.python) as url:
        lab = Lab(folder, url, ways)
        took = lab.pnl("test", *ways.loop, "--keep-going", log="loop.log", status=1)
        shown = lab.show("loop.json")
        spent = lab.executions()
        rows = judge(truth, shown)
        loop = Stage(rows, spent, took)
        confirmed = lab.confirm(truth, shown, spent) if ways.experiments else None
    tests = len(truth["tests"])
    rounds = int(shown["run"]["rounds_run"])
    return Result(seed, tests, rounds, seen(truth, shown), naive(rows, tests), loop, confirmed)


def again(folder: Path, ways: Ways) -> Result:
    """A lab that was run before: judged by this pnl, or with experiments as it was then."""
    truth = read(folder / "truth.json")
    lab = Lab(folder, "", ways)
    shown = read(folder / "loop.json")
    if not ways.experiments:
        shown = lab.show("again.json", shown["run"]["id"])
    spent = sum(shown["totals"].values())
    rows = judge(truth, shown)
    loop = Stage(rows, spent, float(shown["run"]["elapsed_s"]))
    confirmed = None
    if ways.experiments:
        times = [(folder / name).stat().st_mtime for name in ("loop.json", "confirm.log")]
        later = judge(truth, read(folder / "confirmed.json"))
        confirmed = Stage(later, lab.executions() - spent, times[1] - times[0])
    tests, rounds = len(truth["tests"]), int(shown["run"]["rounds_run"])
    return Result(
        int(truth["seed"]), tests, rounds, seen(truth, shown), naive(rows, tests), loop, confirmed
    )


def read(file: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise Broken(f"{file} cannot be read: was the lab run to its end? ({error})") from error
    return found


class Lab:
    """pnl in a lab's folder."""

    def __init__(self, folder: Path, url: str, ways: Ways) -> None:
        self._folder = folder
        self._ways = ways
        self._env = {**os.environ, "E2E_BASE_URL": url, "PNL_PYTHON": str(ways.python)}
        self._env["PNL_WORKERS"] = str(ways.workers)

    def confirm(self, truth: dict[str, Any], looped: dict[str, Any], before: int) -> Stage:
        """The same run, judged again after experiments."""
        took = self.pnl("confirm", *self._ways.confirm, log="confirm.log", status=None)
        shown = self.show("confirmed.json", looped["run"]["id"])
        return Stage(judge(truth, shown), self.executions() - before, took)

    def pnl(self, *words: str, log: str, status: int | None) -> float:
        """Seconds taken. Without an expected exit code, anything but an error of pnl's will do."""
        began = time.monotonic()
        with (self._folder / log).open("w") as output:
            code = subprocess.run(
                [str(self._ways.pnl), *words],
                cwd=self._folder,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=LIMIT_S,
                check=False,
            ).returncode
        if code != status and (status is not None or code not in (0, 1)):
            raise Broken(f"pnl {words[0]} ended with {code}: see {self._folder / log}")
        return time.monotonic() - began

    def show(self, name: str, *run: str) -> dict[str, Any]:
        self.pnl("show", *run, "--format", "json", log=name, status=0)
        return read(self._folder / name)

    def executions(self) -> int:
        """All that the history has, experiments included."""
        with closing(sqlite3.connect(self._folder / ".pnl" / "history.db")) as history:
            return int(history.execute("SELECT count(*) FROM executions").fetchone()[0])


@contextmanager
def serving(folder: Path, python: Path) -> Iterator[str]:
    """The address of the lab's server, as long as the context lasts."""
    with (folder / "server.log").open("w") as errors:
        process = subprocess.Popen(
            [str(python), "server.py"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        yield _address(process, folder)
    finally:
        process.terminate()
        process.communicate()


def _address(process: "subprocess.Popen[str]", folder: Path) -> str:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], START_S)
    line = process.stdout.readline().strip() if ready else ""
    if not line.startswith("http://"):
        raise Broken(f"the server does not start: see {folder / 'server.log'}")
    return line
