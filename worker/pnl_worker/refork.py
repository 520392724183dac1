"""What a forked worker must change to be a process of its own. PYTEST_DONT_REWRITE.

Descriptors are exchanged under the objects that hold them (``dup2``), so that every Python object
which took a stream while the suite was imported (a logging handler, say) stays valid and writes to
where this worker's output goes.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
import tempfile
import threading
from typing import Any, Optional

import pytest


def redirect(config: pytest.Config, output_fd: int) -> None:
    """Points stdin to nothing and stdout and stderr to ``output_fd``, pytest's capture included."""
    null_fd = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null_fd, 0), (output_fd, 1), (output_fd, 2)):
        os.dup2(source, target)
    _redirect_capture(config, output_fd, null_fd)
    _redirect_faulthandler(config, output_fd)
    os.close(null_fd)
    os.close(output_fd)


def _redirect_capture(config: pytest.Config, output_fd: int, null_fd: int) -> None:
    """Gives ``--capture=fd`` a file of its own: forks share the offset of an open file."""
    manager = config.pluginmanager.getplugin("capturemanager")
    capture = getattr(manager, "_global_capturing", None)
    for stream, original in (("in_", null_fd), ("out", output_fd), ("err", output_fd)):
        capturer = getattr(capture, stream, None)
        saved = getattr(capturer, "targetfd_save", None)
        if capturer is None or saved is None:
            continue  # --capture=sys, tee-sys or no: nothing below Python is held
        os.dup2(original, saved, inheritable=False)
        if stream != "in_":
            with tempfile.TemporaryFile(buffering=0) as fresh:
                os.dup2(fresh.fileno(), capturer.tmpfile.fileno(), inheritable=False)


def keep_capture(config: pytest.Config, folder: str, worker: str) -> None:
    """Moves ``--capture=fd`` to files that the controller can read when this process has died.

    They hold what the running phase has printed so far: pytest empties them after each.
    """
    manager = config.pluginmanager.getplugin("capturemanager")
    capture = getattr(manager, "_global_capturing", None)
    for stream in ("out", "err"):
        capturer = getattr(capture, stream, None)
        if capturer is None or getattr(capturer, "targetfd_save", None) is None:
            continue  # --capture=sys, tee-sys or no: nothing below Python is held
        fresh = _file_with_room(os.path.join(folder, f"{worker}-{stream}"))
        if fresh is not None:
            os.dup2(fresh, capturer.tmpfile.fileno(), inheritable=False)
            os.close(fresh)


def _file_with_room(path: str) -> Optional[int]:
    """A new file, if something can be written to it.

    On a full disk every test that prints would fail. Python has looked for a place with room
    itself when pytest asked it for a file, so that one is better than none that we can read.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    try:
        fresh = os.open(path, flags, 0o600)
    except OSError:
        return None
    try:
        os.pwrite(fresh, b" ", 0)
        os.ftruncate(fresh, 0)
    except OSError:
        os.close(fresh)
        return None
    return fresh


def write_lines_at_once(config: pytest.Config) -> None:
    """Without capture, output goes to a pipe: Python would hold it back by the block."""
    if getattr(config.option, "capture", "no") == "no":
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(AttributeError, ValueError):  # a suite's own stream
                stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]


def _redirect_faulthandler(config: pytest.Config, output_fd: int) -> None:
    """Pytest keeps a copy of stderr for the stack dump of a crash."""
    try:
        from _pytest.faulthandler import fault_handler_stderr_fd_key
    except ImportError:
        return
    copy = config.stash.get(fault_handler_stderr_fd_key, None)
    if copy is not None:
        os.dup2(output_fd, copy, inheritable=False)


def reset_process() -> None:
    """Makes this process a group's leader and forgets what the template is to do at its end."""
    os.setpgid(0, 0)
    atexit._clear()
    _own_children()
    if signal.getsignal(signal.SIGINT) in (signal.SIG_IGN, signal.SIG_DFL):
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _own_children() -> None:
    """Has multiprocessing end what this process will start, and nothing of the template's."""
    util: Any = sys.modules.get("multiprocessing.util")
    process: Any = sys.modules.get("multiprocessing.process")
    if util is not None and process is not None:
        util._finalizer_registry.clear()
        process._children.clear()
        atexit.register(util._exit_function)


def silence_terminal(config: pytest.Config) -> None:
    """Stops the terminal reporter from working for reports that nobody reads.

    It stays to be found by its name, as plugins and conftests expect outside of xdist.
    """
    manager = config.pluginmanager
    reporter = manager.getplugin("terminalreporter")
    if reporter is None:
        return
    manager.unregister(reporter)
    manager._name2plugin.setdefault("terminalreporter", reporter)


def leave() -> None:
    """Ends the process without the template's clean-up, but with what tests registered."""
    try:
        # Pools of processes end by these alone, which Python runs before it runs atexit's.
        for callback in reversed(getattr(threading, "_threading_atexits", [])):
            callback()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(0)
