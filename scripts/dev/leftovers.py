"""Which processes outlive what started them. Linux only: elsewhere nothing is found."""

import contextlib
import ctypes
import os
import signal
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
# Processes that are just ending are given 5 s: a browser's take under 1 s.
TRIES, PAUSE_S = 50, 0.1


def adopt_orphans() -> None:
    """Makes this process the parent of every descendant that loses its own, so all can be found."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def remaining() -> dict[int, str]:
    """Descendants that are there and stay there, each with its command line."""
    found: dict[int, str] = {}
    for _ in range(TRIES):
        found = descendants()
        if not found:
            break
        time.sleep(PAUSE_S)
    return found


def kill(pids: dict[int, str]) -> None:
    """Ends what should have ended by itself."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def descendants() -> dict[int, str]:
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name, in parentheses, can hold anything; state and parent follow it.
            state, parent = stat.read_text(errors="replace").rpartition(")")[2].split()[:2]
            if state != "Z":
                parents[int(stat.parent.name)] = int(parent)
    found, wave = {}, {os.getpid()}
    while wave:
        wave = {pid for pid, parent in parents.items() if parent in wave}
        found.update({pid: command_line(pid) for pid in wave})
    return found


def command_line(pid: int) -> str:
    with contextlib.suppress(OSError):
        return (
            Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        )
    return "(gone)"
