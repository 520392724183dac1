"""A fake controller: listens on a real Unix socket and starts real pytest processes.

It says what a test tells it to say and checks only what holds for every conversation. Nothing here
sleeps: all waits are for a message, for output or for an end, and fail after ``PATIENCE``.
"""

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

from pnl_worker import wire

PATIENCE = 20
"""Seconds until a wait fails. Long, because it matters only when something is broken."""

PACKAGE_PARENT = str(Path(__file__).parent.parent)
RUN = "20260102-030405-aaaaaa"


class Peer:
    """One connection and the process at its other end."""

    def __init__(self, stream):
        self.stream = stream
        self.decoder = wire.Decoder()
        self.waiting = []
        self.hello = self.next()
        assert self.hello["t"] == "hello"

    def say(self, kind, **fields):
        self.stream.sendall(wire.encode({"t": kind, **fields}))

    def say_with_fds(self, message, *fds):
        socket.send_fds(self.stream, [wire.encode(message)], fds)

    def next(self):
        """The next message; None at the end of the conversation."""
        while not self.waiting:
            data = self.stream.recv(65536)
            if not data:
                return None
            self.waiting.extend(self.decoder.feed(data))
        return self.waiting.pop(0)

    def expect(self, kind):
        message = self.next()
        assert message is not None and message["t"] == kind, f"{kind} expected, got {message}"
        return message

    def rest(self):
        """All messages up to the end of the conversation."""
        return list(iter(self.next, None))

    def collected(self):
        """The node ids, and the ready message."""
        ids = []
        while (message := self.next())["t"] == "tests":
            ids.extend(row["id"] for row in message["tests"])
        assert message["t"] == "ready" and message["count"] == len(ids), message
        return ids, message


class FakeController:
    """The other side of the protocol."""

    def __init__(self, folder):
        self.suite = folder / "suite"
        self.suite.mkdir()
        self.processes = []
        self.peers = []
        self.children = set()
        self.token = secrets.token_hex(16)

    def __enter__(self):
        # Not below pytest's own folders: a socket's path has at most 107 bytes.
        self.private = tempfile.TemporaryDirectory(prefix="pnl-")
        self.socket = str(Path(self.private.name) / "s")
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.settimeout(PATIENCE)
        self.listener.bind(self.socket)
        self.listener.listen()
        return self

    def __exit__(self, *_):
        for peer in self.peers:
            peer.stream.close()
        self.listener.close()
        for pid in self.children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in self.processes:
            process.kill()
            process.communicate()
        self.private.cleanup()

    def write(self, **files):
        """Writes the suite's Python files; ``conftest=`` is conftest.py."""
        for name, text in files.items():
            (self.suite / f"{name}.py").write_text(textwrap.dedent(text).lstrip("\n"), "utf-8")

    def start(self, role, *arguments, env=None, collect="full", **identity):
        """Starts a pytest of this role. Its output is kept for ``output``."""
        order = {
            "role": role,
            "socket": self.socket,
            "token": self.token,
            "restore": {"PYTHONPATH": None, "PYTEST_PLUGINS": None},
            "collect": collect,
        }
        if role == "worker":
            order.update(worker_order(**identity))
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTEST_", "PNL_", "COV_"))
        }
        environment |= {
            "PNL_SESSION": json.dumps(order),
            "PNL_RUN": RUN,
            "PYTHONPATH": PACKAGE_PARENT,
            "PYTEST_PLUGINS": "pnl_worker.plugin",
            "PYTEST_DEBUG_TEMPROOT": self.private.name,
            # What is installed beside pytest is no part of these tests, and costs a second each.
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            **(env or {}),
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
            cwd=self.suite,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    def accept(self, role):
        """The next connection, which must be of this role and know the token."""
        stream, _ = self.listener.accept()
        stream.settimeout(PATIENCE)
        peer = Peer(stream)
        self.peers.append(peer)
        assert peer.hello["v"] == wire.VERSION
        assert peer.hello["token"] == self.token
        assert peer.hello["role"] == role
        return peer

    def spawned(self, *arguments, **identity):
        """A spawned worker that has collected, and its node ids."""
        self.start("worker", *arguments, **identity)
        peer = self.accept("worker")
        ids, _ = peer.collected()
        return peer, ids

    def template(self, *arguments, **options):
        """A template that has collected, and its node ids."""
        self.start("template", *arguments, **options)
        peer = self.accept("template")
        ids, _ = peer.collected()
        return peer, ids

    def fork(self, template, permits=None, **identity):
        """A forked worker, and the reading end of its output."""
        read, write = os.pipe()
        order = {"t": "fork", **worker_order(**identity), "permits": permits is not None}
        template.say_with_fds(order, write, *([] if permits is None else [permits]))
        os.close(write)
        forked = template.expect("forked")
        self.children.add(forked["pid"])
        worker = self.accept("worker")
        assert (worker.hello["worker"], worker.hello["pid"]) == (forked["worker"], forked["pid"])
        return worker, os.fdopen(read, encoding="utf-8", errors="replace")

    def gone(self, template):
        """The template's word that a worker has ended."""
        gone = template.expect("gone")
        self.children.remove(gone["pid"])
        return gone

    def output(self, process):
        """What a process wrote until its end, and its status."""
        output, _ = process.communicate(timeout=PATIENCE)
        return output.decode(errors="replace"), process.returncode


def worker_order(worker="gw0", slot=0, workers=1, round=1, run=RUN, prune=False):
    """The fields that tell a worker who it is."""
    return {
        "worker": worker,
        "slot": slot,
        "workers": workers,
        "round": round,
        "run": run,
        "prune": prune,
    }
