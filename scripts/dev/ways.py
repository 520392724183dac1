"""The ways to run one suite that are compared: pytest, pytest-xdist, and pnl with its engines."""

from dataclasses import dataclass
from pathlib import Path

from . import commands, outcomes
from .machine import ROOT
from .outcomes import Executions

PLUGIN_FOLDER = ROOT / "scripts" / "dev" / "plugin"
XDIST_REFUSES = "Different tests were collected"


@dataclass(frozen=True)
class Way:
    """A command that runs a suite."""

    title: str
    # What follows `pytest`, or `pnl test`.
    words: tuple[str, ...]
    is_pnl: bool
    # What stands before the command.
    prefix: tuple[str, ...] = ()


PYTEST = Way("pytest", (), is_pnl=False)
XDIST = Way("pytest -n 2", ("-n", "2"), is_pnl=False)
PNL = [
    Way(f"{engine} -n {workers}", ("--engine", engine, "-n", workers), is_pnl=True)
    for engine in ("fork", "spawn")
    for workers in ("2", "4")
]


@dataclass(frozen=True)
class Place:
    """Where a suite is and what runs it."""

    folder: Path
    python: Path
    pnl: Path
    env: dict[str, str]
    # For files of each run.
    scratch: Path


@dataclass(frozen=True)
class Run:
    """What came out of one command."""

    executions: Executions
    status: int
    output: str

    @property
    def refused(self) -> bool:
        """Whether xdist would not run the suite: its workers did not collect the same tests."""
        return XDIST_REFUSES in self.output


def run(way: Way, place: Place, paths: list[str], options: list[str]) -> Run:
    """Runs a suite to its end; the paths and options are pytest's."""
    file = place.scratch / f"{way.title.replace(' ', '')}.jsonl"
    file.unlink(missing_ok=True)
    if way.is_pnl:
        words = [str(place.pnl), "test", *way.words, "--python", str(place.python)]
        words += ["--jsonl", str(file), *paths, *(["--", *options] if options else [])]
        status, output = commands.finish([*way.prefix, *words], cwd=place.folder, env=place.env)
        return Run(outcomes.read_pnl(file), status, output)
    env = {**place.env, "PYTHONPATH": str(PLUGIN_FOLDER), "OUTCOMES_FILE": str(file)}
    words = [str(place.python), "-m", "pytest", "-p", "pytest_outcomes", *way.words]
    words = [*way.prefix, *words, *options, *paths]
    status, output = commands.finish(words, cwd=place.folder, env=env)
    return Run(outcomes.read_plugin(file), status, output)
