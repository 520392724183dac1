"""Runs the tests that the controller gives, in a collected session. PYTEST_DONT_REWRITE."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found, unused-ignore]
import os
import signal
import traceback
from collections import deque
from collections.abc import Sequence
from typing import Optional

import pytest

from . import listing, outcome, spread, wire
from .again import Again
from .spool import Spool
from .usage import Usage

set_handler = _signal.signal
"""``signal.signal`` without its making enums of handlers, which costs 5 us a call."""

POLL_US = 3000
"""How long a worker with tests in hand goes without looking for messages: a look costs a system
call, 10 to 40 us, which would be a tenth of a trivial test."""


class RoundBoundary(pytest.Item):
    """Stands for the next round's first test while that is unknown.

    As ``nextitem`` it makes pytest tear down all but session fixtures. It never runs.
    """

    def runtest(self) -> None:
        """Never called."""
        raise AssertionError("a round's boundary was run as a test")


class Worker:
    """The loop between the controller's messages and pytest's protocol.

    A test runs only when the one after it is known, or known not to come: pytest tears down what
    the next test does not need.
    """

    def __init__(
        self,
        session: pytest.Session,
        connection: wire.Connection,
        permits_fd: Optional[int] = None,
        spool: Optional[Spool] = None,
    ) -> None:
        self.session = session
        self.files: Sequence[spread.Unit] = ()
        self.config = session.config
        self.connection = connection
        self.usage: Optional[Usage] = None
        self.queue: deque[int] = deque()
        self.attempts: dict[int, int] = {}
        self.again = Again(session.config)
        self.attempt = 1
        self.permits_fd = permits_fd
        self.spool = spool
        self.pid = os.getpid()
        self.permitted = 0
        self.early: deque[int] = deque()
        self.taken_back = 0
        self.reports: list[pytest.TestReport] = []
        self.running: Optional[int] = None
        self.next_poll = 0
        self.ending = False
        self.paused = False
        self.has_wished = False
        self.was_interrupted = False
        self.root = str(self.config.rootpath)
        self.boundary = RoundBoundary.from_parent(session, name="pnl-round-boundary")
        # The controller counts failures over all workers (-x, --maxfail).
        self.config.option.maxfail = 0

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keeps the running test's reports."""
        self.reports.append(report)

    def run(self) -> None:
        """Runs until the controller says ``finish`` and the queue is empty, or closes."""
        self.config.pluginmanager.register(self, "pnl-worker")
        self.suites_handler = set_handler(signal.SIGINT, self._note_interrupt)
        try:
            while self._fetch() and not self.was_interrupted:
                index = self.queue.popleft()
                self.permitted -= 1
                self._run_one(index, self._next_item(index))
                self._check_stop()
        except (KeyboardInterrupt, pytest.exit.Exception) as error:
            self._interrupted(error)
        except wire.ProtocolError:
            raise
        except Exception as error:
            self._internal_error(error)
        if self.usage is not None:
            self.usage.close()
        self.connection.flush()

    def _fetch(self) -> bool:
        """Waits until a test can start. False when there is none to come."""
        now = wire.now_us()
        if len(self.queue) > 1 and now < self.next_poll and self._has_permits():
            return True
        self.next_poll = now + POLL_US
        wait = False
        while True:
            if wait:
                self.connection.flush()
            asked = wire.now_us()
            messages = self.connection.receive(wait=wait)
            if wait and self.usage is not None:
                self.usage.waited += (wire.now_us() - asked) / 1e6
            if messages is None:
                return False
            for message in messages:
                self._take(message)
            is_last = self.queue and (self.ending or self.paused)
            if (len(self.queue) > 1 or is_last) and self._has_permits():
                return True
            if self.ending and not self.queue:
                return False
            wait = True

    def _has_permits(self) -> bool:
        """Whether the next test and the one after it are this worker's for good.

        The permits are bytes in a pipe, one for each test given. The controller takes a test back
        by reading its permit before this worker does: whoever reads it, has it. Where permits are
        missing, its word of what it took is on the way.
        """
        wanted = min(2, len(self.queue)) - self.permitted - len(self.early)
        if self.permits_fd is not None and wanted > 0:
            try:
                came = os.read(self.permits_fd, wanted)
            except BlockingIOError:
                came = b""
            self.early.extend(came)
        # A permit says how often tests had been taken back before. Until all of that was heard,
        # what stands at the end of the queue may be gone.
        while self.early and (self.taken_back - self.early[0]) % 256 < 128:
            self.early.popleft()
            self.permitted += 1
        return self.permits_fd is None or self.permitted >= min(2, len(self.queue))

    def _take(self, message: wire.Message) -> None:
        kind = message["t"]
        if kind == "run":
            self.queue.extend(message["tests"])
            self.attempts.update(message.get("again", ()))
            self.paused = False
        elif kind == "collect":
            self._collect(message["file"])
        elif kind == "finish":
            self.ending = True
        elif kind == "pause":
            self.paused = True
        elif kind == "take-back":
            self.taken_back += 1
            for _ in range(min(message["count"], len(self.queue))):
                self.queue.pop()
        elif kind == "drop":
            self.queue.clear()
            self.permitted = 0
        elif kind == "round":
            os.environ["PNL_ROUND"] = str(message["round"])
            if self.spool is not None:
                self.spool.next_round(message["round"])
        else:
            raise wire.ProtocolError(f"a worker does not know the message {kind!r}")

    def _collect(self, number: int) -> None:
        """Imports one of the files that the template found and tells of its tests."""
        began = wire.now_us()
        errors = spread.Errors()
        self.config.pluginmanager.register(errors)
        set_handler(signal.SIGINT, self.suites_handler)
        try:
            items = spread.collect_into(self.session, self.files[number])
        finally:
            self.suites_handler = set_handler(signal.SIGINT, self._note_interrupt)
            self.config.pluginmanager.unregister(errors)
        texts = list(map(outcome.cut, errors.texts))
        listing.tell_file(self.connection, number, items, began, texts)

    def _next_item(self, index: int) -> Optional[pytest.Item]:
        if self.queue and self.queue[0] == index:
            # pytest would keep the fixtures of a test that comes right after itself.
            parent = self.session.items[index].parent
            assert parent is not None, "a test lies in something"
            return RoundBoundary.from_parent(parent, name="pnl-again-boundary")
        if self.queue:
            return self.session.items[self.queue[0]]
        return None if self.ending else self.boundary

    def _run_one(self, index: int, nextitem: Optional[pytest.Item]) -> None:
        item = self.session.items[index]
        self.reports.clear()
        self.running = index
        start = wire.now_us()
        self.connection.send_start(index, start)
        self._begin_attempt(index, item)
        set_handler(signal.SIGINT, self.suites_handler)
        try:
            self.config.hook.pytest_runtest_protocol(item=item, nextitem=nextitem)
        finally:
            if os.getpid() != self.pid:
                # A child that a test forked and let escape must not speak in this worker's name.
                os._exit(1)
            self.suites_handler = set_handler(signal.SIGINT, self._note_interrupt)
        self.running = None
        phases = outcome.plainly_passed(self.reports)
        if phases is not None:
            told: wire.Message = {"outcome": "passed"}
        else:
            told = outcome.summarise(self.reports, self.root)
        if self.spool is not None:
            self.spool.keep(index, item, told["outcome"], self.reports)
            self._tell_of_lost_reports(self.spool)
        if phases is not None:
            self.connection.buffer_passed(index, start, phases)
        else:
            self.connection.buffer({"t": "done", "i": index, "start": start, **told})

    def _begin_attempt(self, index: int, item: pytest.Item) -> None:
        attempt = self.attempts.pop(index, 1)
        self.again.begin(index, item, attempt)
        if self.spool is not None:
            self.spool.begin(item, attempt)
        if attempt != self.attempt:
            self.attempt = attempt
            os.environ["PNL_ATTEMPT"] = str(attempt)

    def _note_interrupt(self, *_: object) -> None:
        """Ctrl-C outside of a test, where an exception would do harm.

        It would lose what is being said of a test, or cut the last tear-downs short, which the
        controller bounds. A worker that waits for messages goes on waiting for its ``finish``.
        """
        self.was_interrupted = True

    def _check_stop(self) -> None:
        """Tells of a plugin's or a hook's wish to stop, and starts nothing more."""
        wish = self.session.shouldfail or self.session.shouldstop
        if wish and not self.has_wished:
            self.has_wished = True  # pytest 8 does not let a wish be taken back
            failed = bool(self.session.shouldfail)
            status = pytest.ExitCode.TESTS_FAILED if failed else pytest.ExitCode.INTERRUPTED
            self.connection.buffer({"t": "stop", "message": str(wish), "code": int(status)})
            self.queue.clear()
            self.ending = True

    def _interrupted(self, error: BaseException) -> None:
        """Ctrl-C, or ``pytest.exit``: the running test gets no other outcome."""
        if self.running is not None:
            self.connection.buffer({"t": "interrupted", "i": self.running})
            self.running = None
        if isinstance(error, pytest.exit.Exception):
            self.connection.buffer(
                {"t": "stop", "message": str(error.msg), "code": error.returncode}
            )
        elif isinstance(error, KeyboardInterrupt):
            # The controller's own Ctrl-C, which has stopped the run already, or the suite's.
            code = int(pytest.ExitCode.INTERRUPTED)
            self.connection.buffer({"t": "stop", "message": "KeyboardInterrupt", "code": code})

    def _internal_error(self, error: Exception) -> None:
        """Tell of an exception in a hook, which is no test's: pytest ends with 3 then."""
        self._interrupted(error)
        text = outcome.cut(traceback.format_exc())
        self.connection.buffer({"t": "notice", "level": "error", "text": f"internal error\n{text}"})
        message = f"internal error in a hook: {type(error).__name__}: {error}"
        code = int(pytest.ExitCode.INTERNAL_ERROR)
        self.connection.buffer({"t": "stop", "message": outcome.cut(message), "code": code})

    def finish_session(self) -> None:
        """What pytest does at a session's end; the last tear-downs happen in it."""
        status = pytest.ExitCode.TESTS_FAILED if self.session.testsfailed else pytest.ExitCode.OK
        self.session.exitstatus = status
        try:
            self.config.hook.pytest_sessionfinish(session=self.session, exitstatus=status)
        except BaseException as error:  # whatever a tear-down raises must be told, not lost
            self.tell_of_failed_end(error)
        if self.spool is not None:
            self.spool.close(getattr(self.config, "workeroutput", None))
            self._tell_of_lost_reports(self.spool)
        self.say_bye()

    def _tell_of_lost_reports(self, spool: Spool) -> None:
        problem = spool.told_problem()
        if problem is not None:
            self.connection.buffer(problem)

    def say_bye(self) -> None:
        """The last word, with what was used, if that was asked for."""
        self.connection.send({"t": "bye", **(self.usage.told() if self.usage else {})})

    def tell_of_failed_end(self, error: BaseException) -> None:
        """Tell what a session's end raised: pytest exits with a failure then."""
        text = f"the end of the session failed: {type(error).__name__}: {error}"
        self.connection.buffer({"t": "notice", "level": "error", "text": outcome.cut(text)})
