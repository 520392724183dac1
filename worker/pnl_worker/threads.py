"""Threads when a process is forked: which ones a worker can be without, and which ones not.

A fork takes along only the thread that forks. Another one is lost to the child, with the locks that
it holds held for ever; what waits for it waits for ever. So forking is right only where every other
thread is known to hold nothing and to be waited for by nobody:

- one that waits for connections: in ``accept``, or in ``select`` on listening sockets. Its server
  goes on in the template, and workers reach it there;
- tqdm's monitor, which wakes to redraw bars and which tqdm starts anew where it finds it gone;
- those of OpenBLAS, which ends them before a fork and starts them again after it.

Python switches threads between bytecodes alone, so a thread that is in a system call by its frames
is in it for all that the child can see. PYTEST_DONT_REWRITE.
"""

from __future__ import annotations

import os
import re
import socket
import sys
import threading
import time
import types
import warnings
from collections.abc import Iterator
from typing import Any, Optional

LOOKS = 200
"""How often a thread is looked at, a millisecond apart, until it is seen to wait: a server's wakes
twice a second for some microseconds."""


def endangered() -> list[str]:
    """Threads that a fork would lose and must not, by name and place."""
    found = [_describe(thread) for thread in _others() if not _comes_to_rest(thread)]
    return found + _unknown_native()


def fork() -> int:
    """Forks when all other threads wait. Python's own warning is answered by ``endangered``."""
    for thread in _others():
        _comes_to_rest(thread)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _others() -> list[threading.Thread]:
    here = threading.get_ident()
    return [thread for thread in threading.enumerate() if thread.ident != here]


def _comes_to_rest(thread: threading.Thread) -> bool:
    """Whether it is seen to wait where it does no harm."""
    for _ in range(LOOKS):
        if not thread.is_alive() or _is_harmless(thread):
            return True
        if not _may_come_to_rest(thread):
            return False
        time.sleep(0.001)  # lets it run on
    return False


def _is_harmless(thread: threading.Thread) -> bool:
    if type(thread).__module__ == "tqdm._monitor":
        return True
    frame = _frame(thread)
    if frame is None:
        return False
    if _is_in(frame, socket.__file__, "accept"):
        return _listens(frame.f_locals.get("self"))
    if frame.f_code.co_name == "select" and frame.f_code.co_filename.endswith("selectors.py"):
        return _selects_connections(frame.f_locals.get("self"))
    return False


def _may_come_to_rest(thread: threading.Thread) -> bool:
    """Whether it is at least in a loop that serves, so that it is worth a second look."""
    frame = _frame(thread)
    while frame is not None:
        if frame.f_code.co_name in ("serve_forever", "accept", "run_forever", "run_server"):
            return True
        frame = frame.f_back
    return False


def _frame(thread: threading.Thread) -> Optional[types.FrameType]:
    return sys._current_frames().get(thread.ident or 0)


def _is_in(frame: types.FrameType, file: Optional[str], function: str) -> bool:
    return frame.f_code.co_name == function and frame.f_code.co_filename == file


def _listens(candidate: Any) -> bool:
    option = getattr(socket, "SO_ACCEPTCONN", None)
    try:
        return bool(option and candidate.getsockopt(socket.SOL_SOCKET, option))
    except (AttributeError, OSError):
        return False


def _selects_connections(selector: Any) -> bool:
    """Whether all that it waits for are connections, and an event loop's own wake-up call."""
    try:
        watched = [key.fileobj for key in selector.get_map().values()]
    except AttributeError:
        return False
    kinds = [_kind(it) for it in watched]
    return "listening" in kinds and set(kinds) <= {"listening", "wake-up"}


def _kind(watched: Any) -> str:
    number = watched if isinstance(watched, int) else watched.fileno()
    try:
        borrowed = socket.socket(fileno=os.dup(number))
    except OSError:
        return "other"
    with borrowed:
        if _listens(borrowed):
            return "listening"
        return "wake-up" if borrowed.family == socket.AF_UNIX else "other"


def _describe(thread: threading.Thread) -> str:
    """Name, and where it is in code that is not Python's own."""
    frame = _frame(thread)
    place = frame
    while place is not None and _is_of_python(place):
        place = place.f_back
    place = place or frame
    if place is None:
        return thread.name
    code = place.f_code
    return f"{thread.name}, in {code.co_name} at {code.co_filename}:{place.f_lineno}"


def _is_of_python(frame: types.FrameType) -> bool:
    return os.path.dirname(os.path.abspath(frame.f_code.co_filename)).startswith(
        os.path.dirname(os.__file__)
    ) and ("site-packages" not in frame.f_code.co_filename)


def _unknown_native() -> list[str]:
    """Threads that Python does not know of, but for as many as OpenBLAS may have."""
    try:
        numbers = {int(it) for it in os.listdir("/proc/self/task")}
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
            libraries = set(_openblas(maps.read()))
    except OSError:
        return []
    # The first thread has the process's number. Python 3.11 still has the parent's after a fork.
    known = {thread.native_id for thread in threading.enumerate()} | {os.getpid()}
    native = numbers - known
    if len(native) <= len(libraries) * _threads_of_openblas():
        return []
    return sorted(f"{_name(number)!r}, a native thread" for number in native)


def _openblas(maps: str) -> Iterator[str]:
    """The libraries of OpenBLAS that are loaded: numpy and scipy bring one each."""
    for match in re.finditer(r"/\S*lib\S*openblas\S*\.so\S*", maps):
        yield match.group()


def _threads_of_openblas() -> int:
    """How many threads each library has at most, beside the one that calls it."""
    return max(1, (os.cpu_count() or 1) - 1)


def _name(number: int) -> str:
    try:
        with open(f"/proc/self/task/{number}/comm", encoding="utf-8", errors="replace") as comm:
            return comm.read().strip()
    except OSError:
        return "?"
