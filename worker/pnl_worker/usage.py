"""What a worker uses: time of CPUs, and memory. PYTEST_DONT_REWRITE.

The controller plans the next run's number of workers by it. Where the system does not tell, a
figure is left out.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any, Optional

from . import wire

PROCESSES = 200
"""So many descendants are looked at: a browser has about ten."""

_PAGE = resource.getpagesize()
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


class Usage:
    """Of one worker, from its making on."""

    def __init__(self) -> None:
        self.cpu = _own_cpu()
        self.began = wire.now_us() / 1e6
        self.waited = 0.0
        self.used: dict[str, Any] = {}

    def close(self) -> None:
        """When the last test has run, and what tests share is still there (a browser)."""
        now = _own_cpu()
        busy = wire.now_us() / 1e6 - self.began - self.waited
        memory = _own_memory() + sum(map(_memory, descendants()))
        if now is not None and self.cpu is not None:
            self.used = {"cpu": now - self.cpu, "busy": busy, "memory": memory}

    def told(self) -> dict[str, Any]:
        """For the last message, when the processes that the worker began have ended."""
        if not self.used:
            return {}
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = self.used["cpu"] + children.ru_utime + children.ru_stime
        return {"used": {**self.used, "cpu": round(cpu, 6), "busy": round(self.used["busy"], 6)}}


def _own_cpu() -> Optional[float]:
    """Seconds that this process ran, or could have run if it had had a CPU.

    On a machine with more to do than CPUs, tests that compute would otherwise look as if they
    waited for something else, and more workers would be started to make that worse.
    """
    try:
        with open("/proc/self/schedstat", encoding="ascii") as file:
            delayed = int(file.read().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return time.process_time() + delayed / 1e9


def _own_memory() -> int:
    """At its peak: what is not a file's. Pages still shared with the template count, too."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT
    return max(0, peak - _statm(os.getpid())[1] * _PAGE)


def _memory(pid: int) -> int:
    resident, shared = _statm(pid)
    return max(0, resident - shared) * _PAGE


def _statm(pid: int) -> tuple[int, int]:
    """Resident pages, and those of them that are a file's. Nothing of a process that is gone."""
    with contextlib.suppress(OSError, ValueError):
        numbers = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()
        return int(numbers[1]), int(numbers[2])
    return 0, 0


def descendants() -> list[int]:
    """Processes that this one has begun, and those that they have begun."""
    found: list[int] = []
    waiting = [os.getpid()]
    while waiting and len(found) < PROCESSES:
        children = _children(waiting.pop())
        found += children
        waiting += children
    return found


def _children(pid: int) -> list[int]:
    children: list[int] = []
    with contextlib.suppress(OSError, ValueError):
        for task in os.listdir(f"/proc/{pid}/task"):
            text = Path(f"/proc/{pid}/task/{task}/children").read_text(encoding="ascii")
            children += map(int, text.split())
    return children
