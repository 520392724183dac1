"""The template: collects once, then forks a worker on order. PYTEST_DONT_REWRITE."""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
from collections.abc import Sequence
from typing import Callable, Optional

import pytest

from . import (
    guests,
    heap,
    identity,
    lifeline,
    listing,
    need,
    origin,
    refork,
    spool,
    spread,
    stacks,
    threads,
    wire,
)
from .replay import Replay
from .usage import Usage
from .worker import Worker


class Template:
    """Serves the controller between collection and the session's end."""

    def __init__(
        self,
        session: pytest.Session,
        connection: wire.Connection,
        socket_path: str,
        token: str,
        files: Sequence[spread.Unit] = (),
    ) -> None:
        self.session = session
        self.files = files
        self.knows_items = not files
        """Whether the process that replays has the tests."""
        self.connection = connection
        self.socket_path = socket_path
        self.token = token
        self.children: set[int] = set()
        self.folder = os.path.dirname(socket_path)
        self.need = need.of(session.config)
        self.replay: Optional[Replay] = Replay(session, self.folder, self.need)
        self.failed_before = session.testsfailed
        # Its session must not wish to stop because of a report: the controller counts failures.
        session.config.option.maxfail = 0
        self.branch = 0
        """The process of a fork that collects for the rounds to come."""
        self._open_wake()
        self._nudge = self._wake_write
        """Where workers say that there are reports to replay."""

    def _open_wake(self) -> None:
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)

    def serve(self) -> None:
        """Forks, reaps and replays until the controller says ``shutdown`` or closes."""
        replay = self.replay
        assert replay is not None
        last = self._converse()
        self._end_branch()
        replay.finish()
        identity.to_controller(self.session.config)
        if last is not None and last.get("collected"):
            self.session.testscollected = last["collected"]
        if last is not None and last.get("code") is not None:
            pytest.exit(last["message"], returncode=last["code"])

    def _end_branch(self) -> None:
        if self.branch in self.children:
            os.kill(self.branch, signal.SIGKILL)
            os.waitpid(self.branch, 0)

    def _converse(self) -> Optional[wire.Message]:
        """Serves; returns how the run ended, if the controller said it."""
        restore = self._watch_children()
        heap.freeze()
        poll = select.poll()
        poll.register(self.connection, select.POLLIN)
        poll.register(self._wake_read, select.POLLIN)
        last: Optional[wire.Message] = None
        serving = True
        has_more = False
        while serving:
            ready = {fd for fd, _ in poll.poll(0 if has_more else None)}
            if self._wake_read.fileno() in ready:
                self._reap()
            if self.connection.fileno() in ready:
                messages = self.connection.receive_with_fds()
                serving = messages is not None
                for message in messages or []:
                    if message["t"] == "fork":
                        self._fork(message, restore)
                    elif message["t"] == "branch":
                        self._branch(restore)
                    elif message["t"] == "forked-by-branch":
                        self._expect_reports(message)
                    elif message["t"] == "retried" and self.replay is not None:
                        self.replay.retry(message)
                    elif message["t"] == "lost" and self.replay is not None:
                        self.replay.lose(message)
                    elif message["t"] == "shutdown":
                        serving = False
                        last = message
                    else:
                        raise wire.ProtocolError(f"the template does not know {message['t']!r}")
            has_more = serving and self.replay is not None and self.replay.work()
        restore()
        if self.replay is None:
            return None
        # Left to the collector, they would fail a suite that makes errors of warnings.
        self._wake_read.close()
        self._wake_write.close()
        return last

    def _watch_children(self) -> Callable[[], None]:
        """Makes SIGCHLD wake the poll; returns what undoes it, for forks and for the end."""
        old_handler = signal.signal(signal.SIGCHLD, lambda *_: None)
        old_fd = signal.set_wakeup_fd(self._wake_write.fileno(), warn_on_full_buffer=False)

        def restore() -> None:
            signal.set_wakeup_fd(old_fd)
            signal.signal(signal.SIGCHLD, old_handler or signal.SIG_DFL)

        return restore

    def _reap(self) -> None:
        while True:
            try:
                if not self._wake_read.recv(4096):
                    break
            except BlockingIOError:
                break
        for pid in list(self.children):
            # By pid: other children (a conftest's subprocess) are not ours to reap.
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                self.children.remove(pid)
                code = os.waitstatus_to_exitcode(status)
                how = {"signal": -code} if code < 0 else {"exit": code}
                self.connection.send({"t": "gone", "pid": pid, **how})

    def _fork(self, order: wire.Message, restore: Callable[[], None]) -> None:
        output_fd = self.connection.take_fd()
        permits_fd = self.connection.take_fd() if order.get("permits") else None
        sys.stdout.flush()
        sys.stderr.flush()
        try:
            pid = threads.fork()
        except OSError as error:
            _close(output_fd, permits_fd)
            self.connection.send({"t": "fork-failed", "worker": order["worker"], "why": str(error)})
            return
        if pid == 0:
            self._become_worker(order, (output_fd, permits_fd), restore)
        _close(output_fd, permits_fd)
        self._expect_reports(order)
        self.children.add(pid)
        if order["prune"]:
            # Some milliseconds, in which the worker gets going.
            identity.prune_basetemp(self.session.config, order["run"], order["round"])
        self.connection.send({"t": "forked", "worker": order["worker"], "pid": pid})

    def _expect_reports(self, order: wire.Message) -> None:
        if self.replay is not None:
            self.replay.forked(order, bool(self.children - {self.branch}))

    def _branch(self, restore: Callable[[], None]) -> None:
        """Forks a template for the rounds to come. It collects all files while workers run.

        This one stays as it is: a worker that dies meanwhile is replaced from here, and so are the
        later rounds' workers, should the branch die, or start a thread that forks would lose.
        """
        sys.stdout.flush()
        sys.stderr.flush()
        try:
            self.branch = threads.fork()
        except OSError as error:
            self.connection.send({"t": "fork-failed", "worker": "", "why": str(error)})
            return
        if self.branch == 0:
            self._become_branch(restore)
        self.children.add(self.branch)

    def _become_branch(self, restore: Callable[[], None]) -> None:
        """Be the child; never returns."""
        try:
            restore()
            refork.reset_process()
            self._wake_read.close()
            self._open_wake()
            self.children.clear()
            self.replay = None
            stacks.dump_on_signal(self.folder, "branch")
            self.connection = wire.Connection(self.socket_path)
            self.connection.send(hello("template", self.token))
            for number, unit in enumerate(self.files):
                began = wire.now_us()
                items = spread.collect_into(self.session, unit)
                listing.tell_file(self.connection, number, items, began)
            self.files = ()
            self.failed_before = self.session.testsfailed
            listing.ready(self.session, self.connection)
            self._converse()
        except BaseException:
            import traceback

            traceback.print_exc()
            sys.stderr.flush()
            os._exit(3)
        os._exit(0)

    def _become_worker(
        self,
        order: wire.Message,
        fds: tuple[int, Optional[int]],
        restore: Callable[[], None],
    ) -> None:
        """Be the child; never returns."""
        output_fd, permits_fd = fds
        try:
            restore()
            refork.reset_process()
            self._wake_read.close()
            if self._wake_write is not self._nudge:
                self._wake_write.close()
            config = self.session.config
            self._forget_others()
            refork.redirect(config, output_fd)
            refork.keep_capture(config, self.folder, order["worker"])
            refork.write_lines_at_once(config)
            stacks.dump_on_signal(self.folder, order["worker"])
            lifeline.heed_alarm(self.folder, order["worker"])
            refork.silence_terminal(config)
            who = identity.Identity(
                order["worker"], order["slot"], order["workers"], order["round"], order["run"]
            )
            who.to_environment()
            who.to_config(config)
            who.to_tmp_path(config)
            guests.enter_forked_worker(config)
            connection = wire.Connection(self.socket_path)
            connection.send(hello("worker", self.token, who.worker))
            worker = Worker(self.session, connection, permits_fd, self._spool(order))
            worker.files = self.files
            worker.usage = Usage() if order.get("measure") else None
            worker.run()
            worker.finish_session()
            if self.files:  # what they import is not in the template
                origin.say_imports()
        except BaseException:
            import traceback

            traceback.print_exc()
            sys.stderr.flush()
            os._exit(3)
        refork.leave()

    def _forget_others(self) -> None:
        """A replacement comes from a template that may have replayed what others ran."""
        self.session.testsfailed = self.failed_before

    def _spool(self, order: wire.Message) -> spool.Spool:
        cache = self.session.config.pluginmanager.getplugin("lfplugin")
        known = frozenset(str(it) for it in getattr(cache, "lastfailed", ()))
        path = spool.path_of(self.folder, order["worker"], order["round"])
        is_followed = self.need is need.Need.ALL and order.get("last", False)
        wake = self._nudge if is_followed else None
        if wake is None:
            self._nudge.close()
        kept = spool.Spool(self.session.config, path, order["round"], self.need, known, wake)
        kept.knows_items = self.knows_items
        return kept


def _close(*fds: Optional[int]) -> None:
    for fd in fds:
        if fd is not None:
            os.close(fd)


def hello(role: str, token: str, worker: str = "") -> wire.Message:
    """The first message on every connection."""
    return {
        "t": "hello",
        "v": wire.VERSION,
        "role": role,
        "token": token,
        "worker": worker,
        "pid": os.getpid(),
        "python": ".".join(map(str, sys.version_info[:3])),
        "pytest": pytest.__version__,
    }
