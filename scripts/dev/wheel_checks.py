"""The wheel, as a user installs it: into an empty environment beside pytest."""

import re
from pathlib import Path

from . import commands, machine
from .machine import ROOT
from .steps import Failed, Steps
from .workbench import Workbench

ENVIRONMENT = ROOT / ".check" / "wheel"
SUITE = """\
import pytest


@pytest.mark.parametrize("number", range(6))
def test_number(number):
    assert number < {limit}
"""
# One binary and its metadata; a source distribution of the crate is far below 5 MB.
SDIST_LIMIT_BYTES = 5_000_000


def check_wheel(steps: Steps, bench: Workbench) -> None:
    """Installs, looks at what was installed, and runs a suite with it."""
    if steps.run("wheel: pip install .", install):
        steps.run("wheel: holds the binary alone", lambda: contents(bench))
        steps.run("wheel: its pnl runs a suite", lambda: run_suite(bench))
    steps.run("wheel: source distribution", lambda: source_distribution(bench))


def install() -> None:
    pytest = next(
        line
        for line in (machine.EXAMPLE / "requirements.txt").read_text().splitlines()
        if line.startswith("pytest==")
    )
    try:
        python = machine.bare_environment(ENVIRONMENT)
        machine.pip_install(python, str(ROOT), pytest)
    except machine.Unavailable as problem:
        raise Failed(str(problem)) from problem


def contents(bench: Workbench) -> None:
    listing = pip("show", "--files", "pnl", bench=bench)
    files = re.findall(r"^  (\S+)$", listing.partition("Files:")[2], re.M)
    strange = [name for name in files if ".dist-info/" not in name and not name.endswith("bin/pnl")]
    if strange or len(files) < 2:
        raise Failed(f"unexpected {strange} in\n{listing}")


def run_suite(bench: Workbench) -> None:
    """Without any setting: the activated environment is where pnl finds its Python."""
    env = machine.activated(bench.env, ENVIRONMENT / "bin" / "python")
    for limit, status, closing in ((6, 0, "6 passed"), (5, 1, "1 failed")):
        folder = bench.scratch / f"suite of {limit}"
        folder.mkdir()
        (folder / "test_numbers.py").write_text(SUITE.format(limit=limit))
        command = [str(ENVIRONMENT / "bin" / "pnl"), "test", "--workers", "2"]
        output = commands.succeed(command, cwd=folder, env=env, status=status, limit=120)
        if closing not in output:
            raise Failed(f"{closing!r} is not in\n{output}")


def source_distribution(bench: Workbench) -> None:
    """Small, and with what is embedded."""
    out = bench.scratch / "sdist"
    command = [str(bench.python), "-m", "maturin", "sdist", "--out", str(out)]
    commands.succeed(command, cwd=ROOT, env=bench.env)
    archive = next(out.iterdir())
    names = commands.succeed(["tar", "-tzf", str(archive)], cwd=out, env=bench.env).splitlines()
    inside = {str(Path(*Path(name).parts[1:])) for name in names}
    missing = {"Cargo.toml", "src/main.rs", "worker/pnl_worker/plugin.py"} - inside
    folders = {name.partition("/")[0] for name in inside}
    strange = folders & {"target", ".check", ".demo", ".git"}
    if missing or strange or archive.stat().st_size > SDIST_LIMIT_BYTES:
        size = archive.stat().st_size
        raise Failed(f"{archive.name}: {size} bytes, missing {missing}, should not have {strange}")


def pip(*words: str, bench: Workbench) -> str:
    command = [str(ENVIRONMENT / "bin" / "python"), "-m", "pip", *words]
    return commands.succeed(command, cwd=ROOT, env=bench.env)
