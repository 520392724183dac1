"""Ends this process when pnl is gone, whatever it is stuck in. PYTEST_DONT_REWRITE.

Two kinds of named pipes in the run's private folder are open for writing as long as pnl lives:
``alarm``, one for each worker, in pnl alone, and ``life`` also in its guard, which outlives it by a
second. A process that has opened one for reading asks the kernel for a signal when the last writer
is gone (``O_ASYNC``, ``F_SETSIG``).
There is no thread and no polling, and it comes to a process that is stuck in C or stopped.

The signal goes to one owner, so each process needs an open pipe of its own: a fork opens it anew.
"""

from __future__ import annotations

import contextlib
import os
import signal

try:
    import fcntl
except ImportError:  # no Unix
    fcntl = None  # type: ignore[assignment]

_life = ""
_held: list[int] = []


def hold(folder: str) -> None:
    """Have this process, and all that it forks, killed when pnl and its guard are gone."""
    global _life
    _life = os.path.join(folder, "life")
    os.register_at_fork(after_in_child=_hold_life)
    _hold_life()


def heed_alarm(folder: str, worker: str = "") -> int:
    """Have this process interrupted when pnl is gone; returns what to close to end that."""
    name = f"alarm-{worker}" if worker else "alarm"
    return _ask_for(os.path.join(folder, name), signal.SIGINT)


def _hold_life() -> None:
    while _held:  # the parent's, or closed by a test
        with contextlib.suppress(OSError):
            os.close(_held.pop())
    fd = _ask_for(_life, signal.SIGKILL)
    if fd >= 0:
        _held.append(fd)


def _ask_for(path: str, number: int) -> int:
    """Asks for this signal at the pipe's end; -1 where that cannot be had."""
    if fcntl is None or not hasattr(fcntl, "F_SETSIG"):
        return -1
    fd = -1
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        fcntl.fcntl(fd, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(fd, fcntl.F_SETSIG, number)
        fcntl.fcntl(fd, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)
        is_over = os.read(fd, 1) == b""
    except BlockingIOError:
        return fd  # somebody writes, who has nothing to say
    except OSError:
        if fd >= 0:
            os.close(fd)
        return -1
    if is_over:  # before we asked
        os.kill(os.getpid(), number)
    return fd
