"""The warm process of a project: Python, pytest and the libraries of former runs, loaded.

It listens on a private socket, forks a process for each run, and does nothing else: it never sees
the project's configuration, conftests or tests. The forked process is ``python -m pytest`` from its
first line on, in the caller's environment; that it need not execute libraries again (shelf.py) is
all that it has of its origin.

After a run that has imported libraries that do not lie on the shelf, a successor is forked that
executes them (stock.py) and, where that went well, takes over. PYTEST_DONT_REWRITE.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import signal
import socket
import struct
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Optional

from . import DONT_WRITE_BYTECODE, heap, origin, stock, wire
from .shelf import Shelf

sys.dont_write_bytecode = DONT_WRITE_BYTECODE

LOOK_MS = 60_000
"""How often it looks whether its socket and project are still there: nothing tells of that."""

ATTEMPTS = 6
"""Fillings of the shelf after one run: each finds modules that must not lie there."""

_learns_to: Optional[int] = None
"""Where a run says what it has imported."""

_base: frozenset[str] = frozenset()
_shelf: Optional[Shelf] = None


@dataclass
class Run:
    """A process that was forked, and who waits for its end."""

    pid: int
    client: wire.Connection
    learned: Any


@dataclass
class State:
    """What a successor inherits."""

    listener: socket.socket
    path: str
    log: str
    root: str
    idle_s: float
    started: float
    shelf: Shelf
    installed: list[stock.Installed]
    runs: int = 0
    refused: set[str] = field(default_factory=set)
    why_bare: str = "this is the first warm run"


def main() -> None:
    """Serves. In a forked process, becomes ``python -m pytest``."""
    order = json.loads(os.environ.pop("PNL_WARM_ORDER"))
    listener = _detach(order["log"])
    if listener is None:
        return
    for name, value in order["restore"].items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    os.environ.pop("PNL_RUN", None)
    package_parent = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if package_parent in sys.path:
        sys.path.remove(package_parent)
    _load_pytest()
    folders = stock.library_folders()
    state = State(
        listener=listener,
        path=order["socket"],
        log=order["log"],
        root=order["root"],
        idle_s=order["idle_s"],
        started=time.time(),
        shelf=Shelf(order["volatile"], folders),
        installed=[stock.Installed(it) for it in folders],
    )
    state.shelf.base = dict(sys.modules)
    heap.watch()
    heap.freeze()
    run = Server(state).serve()
    if run is not None:
        _become(run, state)


def _detach(log: str) -> Optional[socket.socket]:
    """Leaves the caller's session. The socket came as standard output, which a run's pipe follows.

    None in the process that the caller waits for.
    """
    if os.fork():
        return None
    os.setsid()
    listener = socket.socket(fileno=os.dup(1))
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    to_log = os.open(log, flags, 0o600)
    os.dup2(to_log, 1)
    os.dup2(to_log, 2)
    os.close(to_log)
    return listener


def _load_pytest() -> None:
    """What each run imports first, and the parts of this package that know nothing of a run."""
    import pytest  # noqa: F401

    from . import replay, template, worker, xdist_options  # noqa: F401


class Server:
    """Answers callers."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.clients: dict[int, wire.Connection] = {}
        self.runs: dict[int, Run] = {}
        self.successor: Optional[tuple[int, int]] = None
        """Its process, and the pipe on which it says how its filling went."""
        self.attempts = 0
        self.wish: list[str] = []
        """Modules to be had on the shelf."""
        self.waiting: list[wire.Connection] = []
        """Who wants to know when nothing is being prepared any more."""
        self.listening = True
        self.last_call = time.monotonic()

    def serve(self) -> Optional[dict[str, Any]]:
        """Returns a run's order in its process, and does not return else."""
        restore, wake = self._watch_children()
        poll = select.poll()
        poll.register(wake, select.POLLIN)
        poll.register(self.state.listener, select.POLLIN)
        watched = {wake.fileno(), self.state.listener.fileno()}
        while True:
            wanted = {wake.fileno(), *self.clients}
            if self.listening:
                wanted.add(self.state.listener.fileno())
            if self.successor is not None:
                wanted.add(self.successor[1])
            for fd in watched - wanted:
                poll.unregister(fd)
            for fd in wanted - watched:
                poll.register(fd, select.POLLIN)
            watched = wanted
            if self.waiting and not self.runs and self.successor is None:
                for client in self.waiting:
                    client.send({"t": "settled"})
                self.waiting.clear()
            if self._is_over():
                os._exit(0)
            ready = {fd for fd, _ in poll.poll(self._patience_ms())}
            if wake.fileno() in ready:
                self._reap(wake)
            if self.successor is not None and self.successor[1] in ready:
                self._hand_over()
            if self.listening and self.state.listener.fileno() in ready:
                self._accept()
            for fd in ready & self.clients.keys():
                order = self._hear(fd)
                if order is not None:
                    restore()
                    wake.close()
                    return order
            order = self._maybe_succeed()
            if order is not None:
                restore()
                wake.close()
                return Server(self.state).serve()

    def _patience_ms(self) -> int:
        left = self.state.idle_s - (time.monotonic() - self.last_call)
        return max(0, min(LOOK_MS, int(left * 1000) + 1))

    def _is_over(self) -> bool:
        if self.runs or self.clients or self.successor is not None:
            return False
        if not self.listening:
            return True
        is_idle = time.monotonic() - self.last_call >= self.state.idle_s
        if is_idle or not self._is_wanted():
            self._leave_socket()
            return True
        return False

    def _is_wanted(self) -> bool:
        return os.path.exists(self.state.path) and os.path.isdir(self.state.root)

    def _leave_socket(self) -> None:
        """Callers that come from now on start another process."""
        if self.listening:
            self.listening = False
            with contextlib.suppress(FileNotFoundError):
                os.remove(self.state.path)
            with contextlib.suppress(OSError):
                if os.path.getsize(self.state.log) == 0:
                    os.remove(self.state.log)
            self.state.listener.close()

    def _watch_children(self) -> tuple[Callable[[], None], socket.socket]:
        read, write = socket.socketpair()
        read.setblocking(False)
        write.setblocking(False)
        old_handler = signal.signal(signal.SIGCHLD, lambda *_: None)
        old_fd = signal.set_wakeup_fd(write.fileno(), warn_on_full_buffer=False)

        def restore() -> None:
            signal.set_wakeup_fd(old_fd)
            signal.signal(signal.SIGCHLD, old_handler or signal.SIG_DFL)
            write.close()

        return restore, read

    def _accept(self) -> None:
        try:
            peer, _ = self.state.listener.accept()
        except OSError:
            return
        if _is_this_user(peer):
            client = wire.Connection.of(peer)
            self.clients[client.fileno()] = client
        else:
            peer.close()

    def _hear(self, fd: int) -> Optional[dict[str, Any]]:
        client = self.clients[fd]
        try:
            messages = client.receive_with_fds()
        except (OSError, wire.ProtocolError):
            messages = None
        if messages is None:
            del self.clients[fd]
            client.close()
            return None
        for message in messages:
            if message["t"] == "run":
                order = self._start(client, message)
                if order is not None:
                    return order
            elif message["t"] == "status":
                client.send(self._status())
            elif message["t"] == "settle":
                self.waiting.append(client)
            elif message["t"] == "stop":
                self._leave_socket()
                client.send({"t": "stopped", "pid": os.getpid()})
        return None

    def _status(self) -> wire.Message:
        return {
            "t": "status",
            "pid": os.getpid(),
            "root": self.state.root,
            "python": sys.executable,
            "age_s": max(0, int(time.time() - self.state.started)),
            "ends_in_s": max(0, int(self.state.idle_s - (time.monotonic() - self.last_call))),
            "runs": self.state.runs,
            "modules": len(self.state.shelf.modules),
        }

    def _start(self, client: wire.Connection, message: wire.Message) -> Optional[dict[str, Any]]:
        """Forks a run; returns its order in its process."""
        self.last_call = time.monotonic()
        output = client.take_fd()
        if any(it.has_changed() for it in self.state.installed):
            self._leave_socket()
            client.send({"t": "refused", "why": "installed packages have changed"})
            os.close(output)
            return None
        learned = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
        pid = os.fork()
        if pid == 0:
            self._forget()
            return {**message, "output": output, "learned": learned}
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)
        os.close(output)
        self.state.runs += 1
        self.runs[pid] = Run(pid, client, learned)
        shelf = len(self.state.shelf.modules)
        why = {} if shelf else {"bare": self.state.why_bare}
        client.send({"t": "started", "pid": pid, "modules": shelf, **why})
        return None

    def _forget(self) -> None:
        """In a forked process: what belongs to the server."""
        self.state.listener.close()
        for client in self.clients.values():
            client.close()
        for run in self.runs.values():
            run.learned.close()
        if self.successor is not None:
            os.close(self.successor[1])

    def _reap(self, wake: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            while wake.recv(4096):
                pass
        for pid in list(self.runs):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                run = self.runs.pop(pid)
                code = os.waitstatus_to_exitcode(status)
                how = {"signal": -code} if code < 0 else {"exit": code}
                run.client.send({"t": "ended", **how})
                self._learn(run)
                self.last_call = time.monotonic()

    def _learn(self, run: Run) -> None:
        with run.learned as file:
            file.seek(0)
            text = file.read()
        names: dict[str, None] = {}  # a set that keeps its order
        for line in text.splitlines():
            with contextlib.suppress(ValueError):
                names.update(dict.fromkeys(json.loads(line)))
        self.wish = [it for it in names if it not in self.state.refused]

    def _maybe_succeed(self) -> Optional[dict[str, Any]]:
        """Forks a successor where there is something to execute; returns in it, when it serves."""
        new = [it for it in self.wish if it not in self.state.shelf.modules]
        if not new or self.successor is not None or not self.listening:
            return None
        if self.attempts >= ATTEMPTS:
            self.wish = []
            return None
        self.attempts += 1
        read, write = os.pipe()
        pid = os.fork()
        if pid:
            os.close(write)
            self.successor = (pid, read)
            return None
        os.close(read)
        listener = self.state.listener.dup()
        self._forget()
        self.state.listener = listener
        spoilt = stock.Stock(self.state.shelf, self.state.refused).fill(self.wish)
        with os.fdopen(write, "w") as answer:
            json.dump(sorted(spoilt), answer)
        if spoilt:
            os._exit(0)
        heap.freeze()
        return {}

    def _hand_over(self) -> None:
        """Hears how a successor's filling went."""
        assert self.successor is not None
        pid, pipe = self.successor
        with os.fdopen(pipe) as answer:
            text = answer.read()
        self.successor = None
        try:
            spoilt = json.loads(text)
        except ValueError:  # it died of a module
            self.wish = []
            self.state.why_bare = "importing its libraries ahead ended the process that did it"
            os.waitpid(pid, 0)
            return
        if spoilt:
            self.state.refused.update(spoilt)
            self.wish = [it for it in self.wish if it not in self.state.refused]
            os.waitpid(pid, 0)
            return
        # It accepts from now on; this process goes when its own runs have ended.
        self.listening = False
        self.state.listener.close()


def _is_this_user(peer: socket.socket) -> bool:
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return True  # the folder is private
    cred = peer.getsockopt(socket.SOL_SOCKET, option, struct.calcsize("3i"))
    return bool(struct.unpack("3i", cred)[1] == os.getuid())


def _become(order: dict[str, Any], state: State) -> None:
    """Be ``python -m pytest`` with the caller's arguments."""
    global _learns_to, _base, _shelf
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)
    output = order["output"]
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _name_run(order["env"].get("PNL_RUN", ""))
    _enter_environment(order["env"])
    os.chdir(order["cwd"])
    _learns_to = os.dup(order["learned"].fileno())
    order["learned"].close()
    _base = frozenset(sys.modules)
    _shelf = state.shelf
    origin.say_imports = _say_imports
    origin.is_forked = True
    sys.argv = ["-m", *order["argv"]]
    if hasattr(sys, "orig_argv"):
        sys.orig_argv[:] = [sys.orig_argv[0], "-m", "pytest", *order["argv"]]
    state.shelf.install()
    main = sys.modules["__main__"].__dict__
    for name in [it for it in main if not it.startswith("__")]:
        del main[name]
    import runpy

    try:
        runpy._run_module_as_main("pytest")  # type: ignore[attr-defined]
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            _leave(end.code or 0)
        raise


def _leave(status: int) -> None:
    """Ends the process as Python does, but for taking all modules apart.

    That writes to each page that is shared with the warm process, which has the kernel copy it.
    """
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status & 0xFF)


def _enter_environment(env: dict[str, str]) -> None:
    for name in list(os.environ):
        if name not in env:
            del os.environ[name]
    for name, value in env.items():
        if os.environ.get(name) != value:
            os.environ[name] = value
    time.tzset()


def _name_run(run: str) -> None:
    """Writes the run's id over the one that this process was started with.

    What a test leaves behind is found by it, in the memory that the kernel shows as a process's
    environment, which setting a variable does not change.
    """
    with contextlib.suppress(OSError, ValueError, IndexError):
        with open("/proc/self/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
        start, end = int(fields[47]), int(fields[48])  # fields 50 and 51 of proc(5)
        memory = os.open("/proc/self/mem", os.O_RDWR)
        try:
            block = os.pread(memory, end - start, start)
            mark = b"PNL_RUN="
            at = 0 if block.startswith(mark) else block.index(b"\0" + mark) + 1
            value = at + len(mark)
            length = block.index(b"\0", value) - value
            os.pwrite(memory, run.encode("ascii")[:length].ljust(length, b"-"), start + value)
        finally:
            os.close(memory)


def _say_imports() -> None:
    """Says, in a run that the warm process has forked, which libraries this process has imported.

    Once it has collected: what tests import only when they run may be none of the next run's.
    """
    if _learns_to is not None and _shelf is not None:
        names = stock.wanted(_base, _shelf.folders)
        # One write, so that lines of several processes do not mix.
        os.write(_learns_to, json.dumps(names).encode() + b"\n")
