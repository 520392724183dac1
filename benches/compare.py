"""Times pnl beside pytest and pytest-xdist, pair by pair, and prints Markdown.

    python benches/compare.py --python VENV/bin/python [--pnl target/release/pnl] [--runs 5] [NAME …]

Every comparison runs its two commands in turn (A B A B …) after one warm-up of each, as whole
processes, and gives the median of each and of the ratios pair by pair. Only ratios are worth
quoting: the machine's speed drifts. Needs nothing but the standard library; the interpreter that is
measured needs pytest and pytest-xdist.
"""

from __future__ import annotations

import argparse
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Comparison:
    """Two ways to do the same, and what is to be reached."""

    name: str
    what: str
    ours: list[str]
    theirs: list[str]
    goal: str


def trivial_suite(folder: Path) -> Path:
    """Write 5,000 tests that do nothing, in 50 files."""
    suite = folder / "trivial"
    suite.mkdir()
    for file in range(50):
        tests = (f"def test_{n:03}():\n    assert {n} == {n}\n" for n in range(100))
        (suite / f"test_{file:02}.py").write_text("\n".join(tests))
    return suite


def sleeping_suite(folder: Path) -> Path:
    """Write 200 tests that wait 50 ms, in 10 files."""
    suite = folder / "sleeping"
    suite.mkdir()
    for file in range(10):
        tests = (f"def test_{n:03}():\n    time.sleep(0.05)\n" for n in range(20))
        (suite / f"test_{file:02}.py").write_text("import time\n\n" + "\n".join(tests))
    return suite


def loop(command: list[str], rounds: int) -> list[str]:
    """Repeat a command as people do it in a shell."""
    body = f"for i in $(seq {rounds}); do {shlex.join(command)} || exit 1; done"
    return ["sh", "-c", body]


def comparisons(pnl: str, python: str, folder: Path) -> list[Comparison]:
    """List what is compared."""
    trivial, sleeping = trivial_suite(folder), sleeping_suite(folder)

    def ours(suite: Path, *options: str) -> list[str]:
        return [pnl, "test", str(suite), "-q", "--python", python, *options]

    def pytest(suite: Path, *options: str) -> list[str]:
        return [python, "-m", "pytest", "-q", str(suite), *options]

    once = [
        Comparison(
            f"{name}-{by}", f"{label}, {who} `pnl test -n {n}`", ours(suite, "-n", n), other, ""
        )
        for name, label, suite in (
            ("trivial", "5,000 trivial tests", trivial),
            ("sleep", "200 × 50 ms", sleeping),
        )
        for n in ("2", "8")
        for by, who, other in (
            (f"{n}-serial", "`pytest` beside", pytest(suite)),
            (f"{n}-xdist", f"`pytest -n {n}` beside", pytest(suite, "-n", n)),
        )
    ]
    rounds = ["--loop", "10"]
    return [
        *once,
        Comparison(
            "trivial-loop",
            "ten rounds of 5,000 trivial tests, ten times `pytest -n 2` beside `pnl test -n 2 --loop 10`",
            ours(trivial, "-n", "2", *rounds),
            loop(pytest(trivial, "-n", "2"), 10),
            "0.25",
        ),
        Comparison(
            "sleep-loop",
            "ten rounds of 200 × 50 ms, ten times `pytest -n 8` beside `pnl test -n 8 --loop 10`",
            ours(sleeping, "-n", "8", *rounds),
            loop(pytest(sleeping, "-n", "8"), 10),
            "",
        ),
    ]


def timed(command: list[str]) -> float:
    """Run a command and return its wall time in seconds."""
    environment = {**os.environ, "CI": "", "NO_COLOR": "1"}
    with tempfile.TemporaryDirectory() as cwd:
        began = time.perf_counter()
        done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
        took = time.perf_counter() - began
    if done.returncode != 0:
        sys.exit(
            f"{shlex.join(command)} exited with {done.returncode}:\n{done.stdout}{done.stderr}"
        )
    return took


def compare(comparison: Comparison, runs: int) -> str:
    """Measure one pair; returns a row of the table."""
    timed(comparison.ours), timed(comparison.theirs)
    pairs = [(timed(comparison.ours), timed(comparison.theirs)) for _ in range(runs)]
    ours, theirs = (statistics.median(column) for column in zip(*pairs))
    ratios = sorted(a / b for a, b in pairs)
    return (
        f"| {comparison.what} | {theirs:.2f} s | {ours:.2f} s | {statistics.median(ratios):.2f} "
        f"| {ratios[0]:.2f}–{ratios[-1]:.2f} | {comparison.goal} |"
    )


def processor_seconds(command: list[str]) -> float:
    """Return the seconds of CPU that a process itself used, its children not counted.

    Read from /proc while it runs; its last look may miss some milliseconds of its end.
    """
    ticks = os.sysconf("SC_CLK_TCK")
    used = 0.0
    with tempfile.TemporaryDirectory() as cwd:
        process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL)
        while process.poll() is None:
            try:
                stat = Path(f"/proc/{process.pid}/stat").read_text()
            except OSError:
                break
            fields = stat.rsplit(")", 1)[1].split()
            used = (int(fields[11]) + int(fields[12])) / ticks
            time.sleep(0.02)
    return used


def controller(pnl: str, python: str, suite: Path) -> str:
    """Measure the controller's own CPU for each test."""
    command = [pnl, "test", str(suite), "-q", "-n", "2", "--loop", "10", "--python", python]
    used = statistics.median(processor_seconds(command) for _ in range(3))
    return (
        f"Controller CPU for each of 50,000 tests: {used / 50_000 * 1e6:.0f} µs (goal: at most 50)."
    )


def start_up(pnl: str, python: str, folder: Path, runs: int) -> str:
    """Compare 200 × 50 ms on 8 workers with one test's run plus the 1.25 s that must be slept."""
    one = folder / "one"
    one.mkdir()
    (one / "test_one.py").write_text("def test_one():\n    pass\n")
    many = [pnl, "test", str(folder / "sleeping"), "-q", "-n", "8", "--python", python]
    single = [pnl, "test", str(one), "-q", "-n", "8", "--python", python]
    timed(many), timed(single)
    ratios = [timed(many) / (timed(single) + 1.25) for _ in range(runs)]
    ratio = statistics.median(ratios)
    return (
        f"200 × 50 ms on 8 workers, against a single test's run + 1.25 s: {ratio:.2f} (goal: 1.15)."
    )


def main() -> None:
    """Measure what was asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--python", required=True)
    parser.add_argument("--pnl", default=str(ROOT / "target/release/pnl"))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument(
        "names", nargs="*", help="only comparisons whose name begins with one of these"
    )
    arguments = parser.parse_args()
    pnl, python = os.path.abspath(arguments.pnl), os.path.abspath(arguments.python)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print("| work | theirs | pnl | ratio (median) | ratios | goal |")
        print("| --- | --- | --- | --- | --- | --- |")
        for comparison in comparisons(pnl, python, folder):
            if not arguments.names or comparison.name.startswith(tuple(arguments.names)):
                print(compare(comparison, arguments.runs), flush=True)
        if not arguments.names or "start-up" in arguments.names:
            print("\n" + start_up(pnl, python, folder, arguments.runs), flush=True)
        if not arguments.names or "controller" in arguments.names:
            print("\n" + controller(pnl, python, folder / "trivial"), flush=True)


if __name__ == "__main__":
    main()
