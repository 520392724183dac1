"""Runs one command to its end and measures it: wall time, CPU of all its processes, memory.

Needs Linux, and this process to be the one that inherits orphans (`leftovers.adopt_orphans`): what
a command leaves behind is waited for as well, so that its CPU time is counted.
"""

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# Ten times what the slowest of the commands takes on a quiet machine.
LIMIT_S = 900.0
# For orphans to end by themselves once the command is done.
ORPHANS_S = 15.0
# Between two looks at the memory. A look at ten processes costs some 5 ms of CPU; memory is
# therefore measured in runs of its own.
LOOK_S = 0.05
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Measured:
    """Seconds, but for the status, the peak in MiB and what was printed."""

    wall: float
    # User and system time of all processes that it started, and of the first one alone.
    cpu: float
    own_cpu: float
    status: int
    output: str
    peak: float | None = None


@dataclass(frozen=True)
class Command:
    words: list[str]
    cwd: Path
    env: dict[str, str]
    # It leaves a daemon for the next call, which is not waited for and whose CPU is not counted.
    leaves_daemon: bool = False


def measure(command: Command, *, memory: bool = False) -> Measured:
    others = children(os.getpid())
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            command.words,
            cwd=command.cwd,
            env=command.env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        peak = PeakMemory(others) if memory else None
        with ended_after(process.pid, LIMIT_S), peak or contextlib.nullcontext():
            # It stays a zombie, whose times can still be read.
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        wall = time.perf_counter() - began
        own = own_cpu(process.pid)
        cpu, process.returncode = reap(process.pid)
        if not command.leaves_daemon:
            cpu += sum(reap_orphan(pid) for pid in children(os.getpid()) - others)
        output.seek(0)
        text = output.read()
    return Measured(wall, cpu, own, process.returncode, text, peak.mebibytes if peak else None)


def reap(pid: int) -> tuple[float, int]:
    """The CPU time of a process and all it waited for; its exit status."""
    _, status, usage = os.wait4(pid, 0)
    return usage.ru_utime + usage.ru_stime, os.waitstatus_to_exitcode(status)


def reap_orphan(pid: int) -> float:
    with contextlib.suppress(ChildProcessError), ended_after(pid, ORPHANS_S):
        return reap(pid)[0]
    return 0.0


@contextlib.contextmanager
def ended_after(pid: int, limit: float) -> Iterator[None]:
    """Kills the process and its group if the body takes longer."""
    timer = threading.Timer(limit, kill, [pid])
    timer.start()
    try:
        yield
    except BaseException:
        kill(pid)
        raise
    finally:
        timer.cancel()


def kill(pid: int) -> None:
    for end in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            end(pid, signal.SIGKILL)


def own_cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def parents() -> dict[int, int]:
    """Every process's parent."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            text = stat.read_text(errors="replace").rpartition(")")[2]
            found[int(stat.parent.name)] = int(text.split()[1])
    return found


def children(pid: int) -> set[int]:
    return {child for child, parent in parents().items() if parent == pid}


class PeakMemory:
    """The highest sum of PSS, over all processes that came to be under this one since."""

    def __init__(self, others: set[int]) -> None:
        self._others = others
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.mebibytes = 0.0

    def __enter__(self) -> "PeakMemory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(LOOK_S):
            now = sum(pss(pid) for pid in self._tree()) / 1024
            self.mebibytes = max(self.mebibytes, now)

    def _tree(self) -> set[int]:
        known = parents()
        found: set[int] = set()
        wave = {os.getpid()}
        while wave:
            wave = {pid for pid, parent in known.items() if parent in wave} - self._others
            found |= wave
        return found


def pss(pid: int) -> int:
    """KiB; of memory that several processes share, each has its part."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0
