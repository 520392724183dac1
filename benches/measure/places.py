"""Where the measured suites are: the synthetic ones, those of the corpus, and the example.

All of it is put into the work folder by pip and stays there. A *setting* is an interpreter with the
packages that a kind of program needs; each suite is there once for each setting.
"""

import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import suites
from dev import machine
from dev.machine import EXAMPLE
from dev.tracker import Tracker, free_port

# pytest-rs replaces the package pytest and is built for these, with a shared libpython.
NEWER = ("3.14", "3.13")
REPORT = """
import sys, sysconfig
print(sys.version_info[:2], sysconfig.get_config_var("Py_ENABLE_SHARED"))
"""


@dataclass(frozen=True)
class Setting:
    """What runs tests: `replaces` is installed where others have pytest and pytest-xdist."""

    name: str
    replaces: tuple[str, ...] = ()
    adds: tuple[str, ...] = ()
    newer: bool = False


USUAL = Setting("usual")
NEWER_PYTHON = Setting("newer-python", newer=True)


@contextlib.contextmanager
def nothing() -> Iterator[dict[str, str]]:
    """Nothing has to run beside the suite."""
    yield {}


@dataclass(frozen=True)
class Place:
    """A suite in a setting, ready to run."""

    folder: Path
    python: Path
    env: dict[str, str]
    paths: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    # Around each command: what it yields is added to the environment.
    beside: Callable[[], AbstractContextManager[dict[str, str]]] = nothing


class Places:
    """The suites by name, made when they are asked for."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self._corpus = {suite.name: suite for suite in suites.read_list()}  # the last: the newest
        # flask's tests do not run with the newest pytest, and the list says so.
        self._known: dict[tuple[str, str], Place] = {}

    def get(self, name: str, setting: Setting) -> Place:
        key = (name, setting.name)
        if key not in self._known:
            self._known[key] = self._make(name, setting)
        return self._known[key]

    def _make(self, name: str, setting: Setting) -> Place:
        folder = self.work / setting.name / name
        if name in SYNTHETIC:
            write_suite(folder / "tests", SYNTHETIC[name])
            pins = [
                pin for pin in self._corpus["click"].requirements if not pin.startswith("click")
            ]
            python = self._environment("synthetic", setting, pins)
            return Place(folder, python, environment(python), ["tests"])
        if name == "example":
            return self._example(folder, setting)
        suite = self._corpus[name]
        pins = [f"-c {suites.CONSTRAINTS}", *suite.requirements]
        python = self._environment(name, setting, pins)
        source = suites.source(suite, self.work / setting.name)
        options = NETWORKX if name == "networkx" else suite.options
        return Place(source, python, environment(python), suite.paths, options)

    def _example(self, folder: Path, setting: Setting) -> Place:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".*", "__pycache__"))
        pins = (EXAMPLE / "requirements.txt").read_text().splitlines()
        python = self._environment("example", setting, pins)
        env = environment(python)

        @contextlib.contextmanager
        def server() -> Iterator[dict[str, str]]:
            """Anew for each command: records of earlier ones would make later ones slower."""
            with tempfile.TemporaryDirectory() as scratch:
                tracker = Tracker(python, folder, Path(scratch) / "tracker.db", free_port())
                with tracker.running(env):
                    yield {"E2E_BASE_URL": tracker.url}

        return Place(folder, python, env, ["tests/http"], [], server)

    def _environment(self, name: str, setting: Setting, pins: list[str]) -> Path:
        if setting.replaces:
            pins = [pin for pin in pins if not pin.startswith(("pytest==", "pytest-xdist=="))]
        pins = [*pins, *setting.replaces, *setting.adds]
        file = self.work / setting.name / f"{name}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(pins) + "\n")
        base = newer_python() if setting.newer else Path(sys.executable)
        return machine.virtual_environment(self.work / setting.name / f"{name}-venv", [file], base)


def environment(python: Path) -> dict[str, str]:
    """A fresh machine's, with the suite's virtual environment active."""
    env = machine.activated(machine.clean_environment(), python)
    return {**env, "CI": "", "NO_COLOR": "1"}


def newer_python() -> Path:
    """An interpreter that pytest-rs can live in."""
    found = [Path(sys.executable)]
    for version in NEWER:
        on_path = shutil.which(f"python{version}")
        found += [Path(on_path)] if on_path else []
        found += Path.home().glob(f".pyenv/versions/{version}*/bin/python")
    wanted = [f"({version.replace('.', ', ')}) 1" for version in NEWER]
    for python in found:
        said = subprocess.run([python, "-c", REPORT], capture_output=True, text=True, check=False)
        if said.stdout.strip() in wanted:
            return python
    versions = " or ".join(reversed(NEWER))
    raise machine.Unavailable(
        f"no Python {versions} with a shared libpython on the PATH or among pyenv's"
    )


# All of networkx.algorithms takes over a minute each time; this is a third of it.
NETWORKX = ["--pyargs", "networkx.algorithms.tests"]
# Tests in a file, files, and one test's text.
SYNTHETIC = {
    "trivial": (100, 50, "def test_{n:03}():\n    assert {n} == {n}\n"),
    "sleeping": (20, 10, "def test_{n:03}():\n    time.sleep(0.05)\n"),
}

PROJECT = """[project]
name = "measured"
version = "1"

[tool.pytest.ini_options]
testpaths = ["tests"]
"""


def write_suite(folder: Path, shape: tuple[int, int, str]) -> None:
    tests, files, text = shape
    head = "import time\n\n" if "time." in text else ""
    folder.mkdir(parents=True, exist_ok=True)
    # Else karva takes the checkout around it for the project, and its tests for the suite's.
    (folder.parent / "pyproject.toml").write_text(PROJECT)
    for file in range(files):
        body = "\n".join(text.format(n=n) for n in range(tests))
        (folder / f"test_{file:02}.py").write_text(head + body)
