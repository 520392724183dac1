"""All tests of this repository, on a machine that has Rust and Python and nothing else set up.

Every step is done, whatever failed before it, and the last line is the sum of all of them:
cargo's tests, pytest's tests, and each other step as one.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from dev import commands, leftovers, machine
from dev.example_checks import check_example
from dev.fault_checks import check_faults
from dev.machine import ROOT
from dev.source_checks import check_python, check_rust
from dev.steps import Failed, Steps
from dev.wheel_checks import check_wheel
from dev.workbench import Workbench

REQUIREMENTS = [ROOT / "requirements-check.txt", machine.EXAMPLE / "requirements.txt"]


def main() -> int:
    if sys.argv[1:2] == ["--corpus"]:
        return check_fidelity("corpus/corpus.py", sys.argv[2:])
    if sys.argv[1:2] == ["--plugins"]:
        return check_fidelity("plugins/matrix.py", sys.argv[2:])
    options = parse_options()
    # So that every end passes through what stops servers and removes folders.
    for request in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(request, lambda number, _: sys.exit(128 + number))
    # A shell that starts this in the background has it ignore Ctrl-C, which tests send.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    leftovers.adopt_orphans()
    steps = Steps()
    with tempfile.TemporaryDirectory(prefix="pnl check ") as scratch:
        bench = prepare(steps, Path(scratch), quick=options.quick)
        if bench is not None:
            check(steps, bench, quick=options.quick)
    steps.run("nothing is left running", nothing_left)
    return steps.close()


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./check", description=__doc__)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="no browser, no release build, no wheel, no demo, no test that mostly waits",
    )
    parser.add_argument(
        "--corpus",
        nargs=argparse.REMAINDER,
        help="nothing but the comparison with pytest on real suites (see --corpus --help)",
    )
    parser.add_argument(
        "--plugins",
        nargs=argparse.REMAINDER,
        help="nothing but the comparison with pytest for plugins (see --plugins --help)",
    )
    return parser.parse_args()


def check_fidelity(program: str, words: list[str]) -> int:
    """Hands over to a longer check of its own; it builds no pnl if it is given one."""
    if not {"--pnl", "--help", "-h"} & set(words):
        subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True)
    env = {**os.environ, "PYTHONPATH": str(ROOT / "scripts")}
    place = ROOT / "tests" / program
    return subprocess.run([sys.executable, str(place), *words], env=env, check=False).returncode


def check(steps: Steps, bench: Workbench, *, quick: bool) -> None:
    check_rust(steps, bench, quick=quick)
    check_python(steps, bench)
    if quick:
        steps.run("cargo build", lambda: debug_build(bench))
    else:
        steps.run("./pnl builds and runs", lambda: wrapper(bench))
    check_faults(steps, bench, quick=quick)
    check_example(steps, bench)
    if not quick:
        check_wheel(steps, bench)
        steps.run("./demo", lambda: demo(bench))


def prepare(steps: Steps, scratch: Path, *, quick: bool) -> Workbench | None:
    """Sets up what the steps need; without Python's packages there is nothing to do."""
    made: list[Path] = []

    def environment() -> None:
        try:
            made.append(machine.virtual_environment(ROOT / ".check" / "venv", REQUIREMENTS))
        except machine.Unavailable as problem:
            raise Failed(str(problem)) from problem

    if not steps.run("virtual environment", environment):
        return None
    profile = "debug" if quick else "release"
    return Workbench(
        python=made[0],
        pnl=ROOT / "target" / profile / "pnl",
        env=machine.clean_environment(),
        scratch=scratch,
        no_browser="--quick leaves browsers out" if quick else why_no_browser(),
    )


def why_no_browser() -> str:
    """Empty if there is a browser, and a display for it to be seen on."""
    try:
        machine.chromium_and_display()
    except machine.Unavailable as problem:
        print(f"   browser tests are left out: {problem}", flush=True)
        return str(problem).partition("\n")[0]
    return ""


def debug_build(bench: Workbench) -> None:
    """The binary itself, which cargo's tests of the library do not make."""
    commands.succeed(["cargo", "build", "--quiet"], cwd=ROOT, env=bench.env)


def wrapper(bench: Workbench) -> None:
    """From another folder, through a link, the first time perhaps with a build."""
    link = bench.scratch / "a link"
    link.symlink_to(ROOT / "pnl")
    commands.succeed([str(link), "--version"], cwd=bench.scratch, env=bench.env)
    again = commands.succeed([str(link), "--version"], cwd=bench.scratch, env=bench.env)
    if not again.startswith("pnl ") or again.count("\n") != 1:
        raise Failed(f"not a version alone:\n{again}")


def demo(bench: Workbench) -> None:
    output = commands.succeed([str(ROOT / "demo")], cwd=bench.scratch, env=bench.env)
    if "race" not in output:
        raise Failed(f"no word of the race in\n{output}")


def nothing_left() -> None:
    left = leftovers.remaining()
    leftovers.kill(left)
    if left:
        raise Failed("\n".join(f"still running: {pid} {line}" for pid, line in left.items()))


if __name__ == "__main__":
    sys.exit(main())
