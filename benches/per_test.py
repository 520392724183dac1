"""Measures what each test costs beyond itself: in the worker, and in the controller.

    python3 benches/per_test.py --python VENV/bin/python [--pnl target/release/pnl] [WHAT …]

CPU time, not wall time, so that it can be read on a machine that does other things too; still, a
busy machine makes caches cold, so the least and the median of several turns are given.

worker: the same collected items in forks of one process, in turns: bare, by pytest's own
``runtestprotocol`` without its log hooks; by the hook that pytest's own loop calls, which has the
log hooks and pytest's wrappers for warnings and assertions; and by the worker's loop as the
template starts it, with a socket whose other end another process reads, and with permits.

controller: the CPU of the controller's process alone, its children not counted, read from /proc
when it has ended and before it is reaped. Once for one round and once for eleven: the difference
is what tests cost when everything runs.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

    import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "worker"))

FILES, TESTS = 50, 100
ROUNDS = 10


def write_suite(folder: Path) -> Path:
    """Write 5,000 tests that do nothing, in 50 files."""
    suite = folder / "trivial"
    suite.mkdir()
    for file in range(FILES):
        tests = (f"def test_{n:03}():\n    assert {n} == {n}\n" for n in range(TESTS))
        (suite / f"test_{file:02}.py").write_text("\n".join(tests))
    return suite


def processor_us() -> float:
    """Return this process's CPU so far, in microseconds."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return (used.ru_utime + used.ru_stime) * 1e6


def in_fork(body: Callable[[], float]) -> float:
    """Run it in a fork and return its number."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        try:
            os.write(write, json.dumps(body()).encode())
        except BaseException:
            import traceback

            traceback.print_exc()
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as told:
        text = told.read()
    os.waitpid(pid, 0)
    return float(json.loads(text))


class Turns:
    """Takes pytest's loop over the tests and measures instead."""

    def __init__(self, turns: int) -> None:
        self.turns = turns
        self.result: dict[str, list[float]] = {"bare": [], "hook": [], "worker": []}

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Measure in turns; the first of each is a warm-up."""
        from pnl_worker import heap

        heap.freeze()
        for turn in range(self.turns + 1):
            for name, way in (("bare", bare_us), ("hook", hook_us), ("worker", worker_us)):
                took = in_fork(lambda way=way: way(session))
                if turn:
                    self.result[name].append(took)
        return True


def bare_us(session: pytest.Session) -> float:
    """Run all items by ``runtestprotocol`` alone."""
    from _pytest.runner import runtestprotocol
    from pnl_worker import refork

    refork.silence_terminal(session.config)
    items = session.items
    began = processor_us()
    for item, following in zip(items, [*items[1:], None], strict=True):
        runtestprotocol(item, log=False, nextitem=following)
    return (processor_us() - began) / len(items)


def hook_us(session: pytest.Session) -> float:
    """Run all items as pytest's own loop does."""
    from pnl_worker import refork

    refork.silence_terminal(session.config)
    items = session.items
    began = processor_us()
    for item, following in zip(items, [*items[1:], None], strict=True):
        session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
    return (processor_us() - began) / len(items)


def worker_us(session: pytest.Session) -> float:
    """Run all items by the worker's loop."""
    import socket

    from pnl_worker import identity, need, refork, spool, wire
    from pnl_worker.worker import Worker

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "s")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen()
        permits, grants = os.pipe()
        os.set_blocking(permits, False)
        tests = list(range(len(session.items)))
        os.write(grants, bytes(len(tests)))
        reader = os.fork()
        if reader == 0:
            act_as_controller(listener, tests)
        refork.silence_terminal(session.config)
        who = identity.Identity("gw0", 0, 2, 1, "bench")
        who.to_environment()
        who.to_config(session.config)
        connection = wire.Connection(path)
        kept = spool.Spool(
            session.config, os.path.join(folder, "r"), 1, need.Need.NOTABLE, frozenset()
        )
        worker = Worker(session, connection, permits, kept)
        began = processor_us()
        worker.run()
        used = processor_us() - began
        connection.close()
        os.waitpid(reader, 0)
    return used / len(tests)


def act_as_controller(listener: socket.socket, tests: list[int]) -> None:
    """Give all tests, then read to the end. It takes what has come every 2 ms, as the real one."""
    import time

    from pnl_worker import wire

    peer, _ = listener.accept()
    peer.sendall(wire.encode({"t": "run", "tests": tests}) + wire.encode({"t": "finish"}))
    while peer.recv(1 << 20):
        time.sleep(0.002)
    os._exit(0)


def measure_worker(suite: str, turns: int) -> None:
    """Print one JSON object: microseconds a test, for each turn."""
    import pytest

    plugin = Turns(turns)
    pytest.main(["-q", "-p", "no:cacheprovider", suite], plugins=[plugin])
    print("\n" + json.dumps(plugin.result))


def worker_row(python: str, suite: Path, turns: int) -> str:
    """Measure the worker with the interpreter that was named."""
    command = [
        python,
        str(Path(__file__).resolve()),
        "--measure",
        str(suite),
        "--turns",
        str(turns),
    ]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=suite)
    if done.returncode != 0:
        sys.exit(f"{done.stdout}{done.stderr}")
    result = json.loads(done.stdout.splitlines()[-1])
    rows = []
    for what, base, goal in (
        ("worker, beyond bare `runtestprotocol`", "bare", "25 µs"),
        ("worker, beyond pytest's own loop", "hook", ""),
    ):
        over = [
            worker - other for worker, other in zip(result["worker"], result[base], strict=True)
        ]
        least, median = min(over), statistics.median(over)
        itself = statistics.median(result[base])
        rows.append(f"| {what} ({itself:.0f} µs) | {median:.1f} µs | {least:.1f} µs | {goal} |")
    return "\n".join(rows)


def processor_seconds(command: list[str], cwd: Path) -> float:
    """Return the CPU that a process itself used, its children not counted."""
    environment = {**os.environ, "CI": "", "NO_COLOR": "1"}
    process = subprocess.Popen(command, cwd=cwd, env=environment, stdout=subprocess.DEVNULL)
    # Ended and not reaped: its times are complete, and still to be read.
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    if process.wait() != 0:
        sys.exit(f"{command} exited with {process.returncode}")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def controller_row(pnl: str, python: str, suite: Path, turns: int) -> str:
    """Measure the controller."""
    each = []
    for _ in range(turns):
        with tempfile.TemporaryDirectory() as cwd:
            command = [pnl, "test", str(suite), "-q", "-n", "2", "--python", python, "--loop"]
            one = processor_seconds([*command, "1"], Path(cwd))
            many = processor_seconds([*command, str(1 + ROUNDS)], Path(cwd))
        each.append((many - one) / (ROUNDS * FILES * TESTS) * 1e6)
    return (
        f"| controller, history and terminal included | {statistics.median(each):.1f} µs "
        f"| {min(each):.1f} µs | 15 µs |"
    )


def main() -> None:
    """Measure what was asked for and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--pnl", default=str(ROOT / "target/release/pnl"))
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--measure", metavar="SUITE", help=argparse.SUPPRESS)
    parser.add_argument("what", nargs="*", help="worker, controller; both if left out")
    arguments = parser.parse_args()
    if arguments.measure:
        measure_worker(arguments.measure, arguments.turns)
        return
    python, pnl = os.path.abspath(arguments.python), os.path.abspath(arguments.pnl)
    what = arguments.what or ["worker", "controller"]
    with tempfile.TemporaryDirectory() as name:
        suite = write_suite(Path(name))
        print("| CPU for each test | median | least | goal |")
        print("| --- | --- | --- | --- |")
        if "worker" in what:
            print(worker_row(python, suite, arguments.turns), flush=True)
        if "controller" in what:
            print(controller_row(pnl, python, suite, arguments.turns), flush=True)


if __name__ == "__main__":
    main()
