"""The corpus's list, and how a suite gets onto this machine: source and environment by pip."""

import shutil
import sys
import tarfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev import commands, machine
from dev.ways import Place

HERE = Path(__file__).resolve().parent
LIST = HERE / "corpus.toml"
CONSTRAINTS = HERE / "constraints.txt"


@dataclass(frozen=True)
class Suite:
    """An entry of the list, for one version of pytest."""

    name: str
    version: str
    pytest: str
    requirements: list[str]
    paths: list[str]
    options: list[str]
    has_source: bool
    why: str

    @property
    def key(self) -> str:
        return f"{self.name}-{self.version}-pytest-{self.pytest}"


def read_list() -> list[Suite]:
    """Every suite with every version of pytest, in the list's order."""
    found = tomllib.loads(LIST.read_text())
    return [
        entry(suite, pytest, found["xdist"])
        for suite in found["suite"]
        for pytest in suite.get("pytest", found["pytest"])
    ]


def entry(suite: dict[str, Any], pytest: str, xdist: str) -> Suite:
    name, version = suite["name"], suite["version"]
    for_this_pytest = suite.get("with", {}).get(pytest.partition(".")[0], [])
    pins = [f"{name}=={version}", f"pytest=={pytest}", f"pytest-xdist=={xdist}"]
    return Suite(
        name=name,
        version=version,
        pytest=pytest,
        requirements=[*pins, *suite.get("requires", []), *for_this_pytest],
        paths=suite.get("paths", []),
        options=suite.get("options", []),
        has_source=suite.get("source", True),
        why=suite["why"],
    )


def prepare(suite: Suite, work: Path, pnl: Path) -> Place:
    """Puts the suite and its environment into the work folder, where they stay."""
    scratch = work / "runs" / suite.key
    scratch.mkdir(parents=True, exist_ok=True)
    python = environment(suite, work)
    env = machine.activated(machine.clean_environment(), python)
    return Place(source(suite, work), python, pnl, env, scratch)


def environment(suite: Suite, work: Path) -> Path:
    """One for each suite and version of pytest: a plugin that one needs is no other's business."""
    requirements = work / "requirements" / f"{suite.key}.txt"
    requirements.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"-c {CONSTRAINTS}", *suite.requirements]
    requirements.write_text("\n".join(lines) + "\n")
    return machine.virtual_environment(work / "venvs" / suite.key, [requirements])


def source(suite: Suite, work: Path) -> Path:
    """The unpacked source distribution, anew for each version of pytest: suites leave caches."""
    folder = work / "suites" / suite.key
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if not suite.has_source:
        return folder
    with tarfile.open(archive(suite, work / "sdists")) as packed:
        packed.extractall(folder, filter="data")
    (inside,) = folder.iterdir()
    return inside


def archive(suite: Suite, folder: Path) -> Path:
    pattern = f"{suite.name.replace('-', '?')}-{suite.version}.tar.gz"
    if not any(folder.glob(pattern)):
        pin = f"{suite.name}=={suite.version}"
        words = ["-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", suite.name, pin]
        env = machine.clean_environment()
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, *words, "--dest", str(folder)]
        commands.succeed(command, cwd=folder, env=env)
    return next(folder.glob(pattern))
