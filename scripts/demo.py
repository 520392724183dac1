"""Shows what pnl does, on the example and its real server, on a machine with nothing set up.

Every command is printed as a person would type it before it is run, with the same meaning.
"""

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path

from dev import machine
from dev.machine import EXAMPLE, ROOT
from dev.tracker import NotServing, Tracker, free_port

REQUIREMENTS = EXAMPLE / "requirements.txt"
JUNIT = ROOT / ".demo" / "race.xml"
JSONL = ROOT / ".demo" / "race.jsonl"
HISTORY = EXAMPLE / ".pnl" / "history.db"
ALL_PASSED, SOMETHING_FAILED = 0, 1
# Enough for the faults to show: what accumulates does so after three rounds, and a search breaks
# once in twelve times.
ROUNDS = "24"
BUDGET = "5m"
# Which tests notice which fault (examples/tracker/README.md), and what a person would say of them.
CAUSES = {
    "tests/http/test_cheers.py": "race",
    "tests/http/test_records.py": "race",
    "tests/http/test_statistics.py::test_statistics_know_every_cheer": "race",
    "tests/http/test_lists.py": "paging",
    "tests/http/test_search.py": "flaky",
    "tests/http/test_report.py": "limit",
    "tests/http/test_statistics.py::test_the_report": "limit",
}
A_PERSON_SAYS = {
    "race": "interferes-with",
    "paging": "accumulates",
    "flaky": "flaky-alone",
    "limit": "load-sensitive",
}
# For pnl to finish tear-downs and to print what it learned after Ctrl-C, then after SIGTERM.
PATIENCE_S = 30.0


class Trouble(Exception):
    """The demo cannot go on; the text says why."""


def main() -> int:
    for request in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(request, lambda number, _: sys.exit(128 + number))
    try:
        with tempfile.TemporaryDirectory(prefix="pnl-demo-") as temporary:
            show(Path(temporary))
    except (Trouble, NotServing, machine.Unavailable) as problem:
        print(f"\ndemo: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: interrupted; nothing is left running", file=sys.stderr)
        return 128 + signal.SIGINT
    return 0


def show(temporary: Path) -> None:
    say("What is needed: pnl's release build, Python packages in .demo/venv, a browser")
    demo = Demo(prepare_python(), temporary)
    has_browser = prepare_browser()
    demo.build()
    demo.enter()
    with demo.server():
        say("A correct server: both suites pass, four tests at a time")
        demo.pnl("test", "http", "--workers", "4", expected=[ALL_PASSED])
        if has_browser:
            demo.pnl("test", "e2e", "--workers", "4", expected=[ALL_PASSED])
    say("The same server, stopped and started again with a fault: a counter that is not locked")
    with demo.server(faults="race"):
        say("Five rounds, two tests at a time, going on after failures")
        status = demo.loop()
        say("The same run again, from the history")
        demo.pnl("show", expected=[ALL_PASSED])
    say("All four faults at once, on a new database: which test fails for which of them?")
    demo.forget()
    with demo.server(faults=",".join(sorted(set(CAUSES.values())))):
        words = ["test", "http", "--workers", "4", "--loop", ROUNDS, "--keep-going", "-q"]
        demo.pnl(*words, expected=[ALL_PASSED, SOMETHING_FAILED])
        say("What the recorded rounds tell of each test that failed")
        demo.pnl("flaky", "last", expected=[ALL_PASSED])
        say("And what experiments tell: alone, beside others, at so many at a time")
        demo.pnl("confirm", "--budget", BUDGET, expected=[ALL_PASSED])
        compare(demo.verdicts())
    conclude(status)


def prepare_python() -> Path:
    return machine.virtual_environment(ROOT / ".demo" / "venv", [REQUIREMENTS])


def prepare_browser() -> bool:
    try:
        machine.chromium()
    except machine.Unavailable as problem:
        print(f"   The browser's tests are left out: {problem}")
        return False
    return True


def compare(verdicts: dict[str, str]) -> None:
    """Prints the verdicts beside those of somebody who knows the faults."""
    say("Beside it, what somebody says who knows the faults")
    agreed = 0
    for nodeid, verdict in verdicts.items():
        fault = next((it for start, it in CAUSES.items() if nodeid.startswith(start)), None)
        wanted = A_PERSON_SAYS[fault] if fault else "?"
        agreed += verdict == wanted
        name = nodeid.removeprefix("tests/http/")
        said = "" if verdict == wanted else f"pnl: {verdict}"
        print(f"   {fault or '?':<8}{wanted:<17}{said:<22}{name}")
    print(f"\n   {agreed} of {len(verdicts)} verdicts are the same")


def conclude(status: int) -> None:
    if status == SOMETHING_FAILED:
        say("pnl has found the race: those tests fail only while others cheer beside them")
    else:
        say("The race did not show in these five rounds. That is rare: try ./demo again")
    for name, file in (("JUnit report", JUNIT), ("every event", JSONL), ("history", HISTORY)):
        print(f"   {name + ':':<14}{relative(file, Path.cwd())}")


class Demo:
    """The first terminal, in examples/tracker with the virtual environment active."""

    def __init__(self, python: Path, temporary: Path) -> None:
        database = temporary / "tracker.db"
        self._tracker = Tracker(python, EXAMPLE, database, free_port())
        environment = machine.activated(machine.clean_environment(), python)
        self._environment = {**environment, "E2E_BASE_URL": self._tracker.url}

    def build(self) -> None:
        """So that no compiler is at work while tests are timed."""
        self._type([relative(ROOT / "pnl", Path.cwd()), "--version"], Path.cwd(), [0])

    def enter(self) -> None:
        activate = relative(ROOT / ".demo" / "venv" / "bin" / "activate", EXAMPLE)
        prompt(["cd", relative(EXAMPLE, Path.cwd())])
        prompt([".", activate])
        prompt(["export", f"E2E_BASE_URL={self._tracker.url}"])

    def server(self, faults: str = "") -> AbstractContextManager[None]:
        """The second terminal."""
        fault = [f"TRACKER_FAULTS={faults}"] if faults else []
        prompt([*fault, "python", *self._tracker.arguments], terminal=2)
        return self._tracker.running(self._environment, faults)

    def loop(self) -> int:
        junit, jsonl = (relative(file, EXAMPLE) for file in (JUNIT, JSONL))
        words = ["test", "http", "--workers", "2", "--loop", "5", "--keep-going"]
        reports = ["--junit", junit, "--jsonl", jsonl]
        return self.pnl(*words, *reports, expected=[ALL_PASSED, SOMETHING_FAILED])

    def forget(self) -> None:
        """A new database, so that paging begins well."""
        for file in self._tracker.database.parent.glob(f"{self._tracker.database.name}*"):
            file.unlink()

    def verdicts(self) -> dict[str, str]:
        """The verdict on each test that failed in the last run."""
        command = [str(ROOT / "pnl"), "show", "--format", "json"]
        shown = subprocess.run(
            command, cwd=EXAMPLE, env=self._environment, capture_output=True, check=True
        )
        tests = json.loads(shown.stdout)["tests"]
        return {it["nodeid"]: it["verdict"]["kind"] for it in tests if it["failed"] or it["error"]}

    def pnl(self, *words: str, expected: list[int]) -> int:
        return self._type([relative(ROOT / "pnl", EXAMPLE), *words], EXAMPLE, expected)

    def _type(self, words: list[str], folder: Path, expected: list[int]) -> int:
        """Prints a command, runs it in the foreground, and looks at its exit code."""
        prompt(words)
        process = subprocess.Popen(words, cwd=folder, env=self._environment)
        try:
            status = process.wait()
        except BaseException:
            # Ctrl-C has reached pnl as well, which ends by itself; other signals have not.
            leave(process)
            raise
        if status not in expected:
            raise Trouble(f"`{shlex.join(words)}` exits with {status}, and not with {expected[0]}")
        return status


def leave(process: subprocess.Popen[bytes]) -> None:
    """Waits for a command that is ending, and sees to it that it does."""
    if not isinstance(sys.exception(), KeyboardInterrupt):
        process.terminate()
    for insist in (process.terminate, process.kill):
        try:
            process.wait(PATIENCE_S)
            return
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            insist()
    process.wait()


def say(text: str) -> None:
    print(f"\n== {text}\n", flush=True)


def prompt(words: list[str], terminal: int = 1) -> None:
    """A command line as typed. Quoting leaves NAME=value alone where the value is plain."""
    sign = "$" if terminal == 1 else "(in a second terminal) $"
    print(f"{sign} {shlex.join(words)}", flush=True)


def relative(path: Path, folder: Path) -> str:
    """As typed in that folder; a program in it is called `./program`."""
    shown = os.path.relpath(path, folder)
    return shown if "/" in shown else f"./{shown}"


if __name__ == "__main__":
    sys.exit(main())
