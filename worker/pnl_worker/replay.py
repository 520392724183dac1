"""Gives the reports of workers to the template's own plugins, as if its session had run the tests.

What they make of it is what they make of it under xdist: files, pytest's cache, the exit status, a
conftest's words at the end. PYTEST_DONT_REWRITE.

Of a loop the session sees the last round, and before it each test that failed in an earlier one,
once: so files tell of one round as they would if pytest were called again and again, and the exit
status of all of them. Memory and disk are bounded by the suite, not by the number of rounds.

Reports are replayed while workers run where all of them travel, since that takes as long as a
trivial test does; but only when no round comes after and when all workers have been forked: a fork
must come from a template that has not seen a test. Otherwise they are replayed at the end.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any, Optional

import pytest

from . import guests, spool, wire
from .need import Need
from .spool import Kind

BATCH = 8192
"""Bytes of reports between two looks at the controller: about 80 tests, 10 ms."""


class Gateway:
    """Stands for xdist's gateway, of which plugins ask the name."""

    def __init__(self, worker: str) -> None:
        self.id = worker


class Node:
    """Stands for xdist's controller of one worker, which reports carry as ``report.node``."""

    def __init__(self, config: pytest.Config, order: wire.Message) -> None:
        self.config = config
        self.gateway = Gateway(order["worker"])
        self.workerinput = {
            "workerid": order["worker"],
            "workercount": order["workers"],
            "testrunuid": order["run"],
        }
        self.workerinfo = {
            "id": order["worker"],
            "version": sys.version,
            "version_info": tuple(sys.version_info),
            "sysplatform": sys.platform,
            "platform": sys.platform,
            "executable": sys.executable,
            "cwd": str(config.invocation_params.dir),
        }
        self.workeroutput: dict[str, Any] = {}
        self.round: int = order["round"]
        self.shutting_down = False

    def __repr__(self) -> str:
        return f"<worker {self.gateway.id}>"


class Replay:
    """What came of the tests, in the template."""

    def __init__(self, session: pytest.Session, folder: str, need: Need) -> None:
        self.session = session
        self.config = session.config
        self.folder = folder
        self.need = need
        self.readers: dict[Node, spool.Reader] = {}
        self.round = 0
        self.is_last_round = False
        self.missing = 0
        """Workers of this round that were not forked yet."""
        self.failed_before: dict[str, tuple[Any, ...]] = {}
        """By node id: workers that collect have numbers of their own."""
        self.lost: list[tuple[Node, int, str, str]] = []
        self.may_retry = False
        self.waiting: list[tuple[Node, tuple[Any, ...]]] = []
        """Failures of which it is not known yet whether they stand."""
        self.retried: set[tuple[str, int, int, int]] = set()
        """Worker, test, round and attempt of those that do not stand."""
        self.problem: Optional[BaseException] = None
        self.has_begun = False

    def forked(self, order: wire.Message, others: bool) -> None:
        """A worker was forked, perhaps beside others: from now on there may be reports of it."""
        if order["round"] != self.round:
            if not others:  # who goes on from round to round keeps what failed itself
                self._condense()
            self.round = order["round"]
            self.missing = order["workers"]
        self.is_last_round = order.get("last", False)
        self.may_retry = order.get("retries", False)
        self.missing -= 1
        node = Node(self.config, order)
        path = spool.path_of(self.folder, order["worker"], order["round"])
        self.readers[node] = spool.Reader(path)

    def lose(self, message: wire.Message) -> None:
        """A test has no reports, because its worker died: it gets one, as under xdist."""
        for node in reversed(list(self.readers)):
            if node.gateway.id == message["worker"]:
                self.lost.append((node, message["i"], message["nodeid"], message["message"]))
                return

    def retry(self, message: wire.Message) -> None:
        """What a test said on a worker was not its last attempt, and counts for nobody."""
        self.retried.add((message["worker"], message["i"], message["round"], message["attempt"]))

    def _is_final(self, node: Node, frame: tuple[Any, ...]) -> bool:
        _, index, _, _, round_number, attempt = frame
        return (node.gateway.id, index, round_number, attempt) not in self.retried

    def _condense(self) -> None:
        """A round is over and another one begins: keeps what failed, once for each test."""
        for node, reader in self.readers.items():
            for frame in reader.read()[0]:
                if frame[0] == Kind.FULL and frame[2]:
                    if self._is_final(node, frame):
                        self.failed_before.setdefault(_nodeid(frame), frame)
                elif frame[0] == Kind.OUTPUT:
                    node.workeroutput = frame[1]
            reader.close()
        for node, index, nodeid, words in self.lost:
            report = self._lost_report(node, nodeid, words)
            frame = (Kind.FULL, index, True, [report], node.round, 1)
            self.failed_before.setdefault(nodeid, frame)
        self.readers.clear()
        self.lost.clear()
        self.retried.clear()

    @property
    def may_work(self) -> bool:
        """Whether reports can be replayed while workers run."""
        return self.need is Need.ALL and self.is_last_round and self.missing <= 0

    def work(self) -> bool:
        """Replays some of what has come. Whether there may be more."""
        if not self.may_work or self.problem is not None:
            return False
        with self._caught(), self._muted():
            self._begin()
            return any([self._replay_some(node, BATCH) for node in self.readers])
        return False

    def finish(self) -> None:
        """Replays all that is left; raises what a plugin raised at any time."""
        with self._caught(), self._muted():
            self._begin()
            for node, reader in list(self.readers.items()):
                while self._replay_some(node, -1):
                    pass
                reader.close()
            for node, frame in self.waiting:
                if self._is_final(node, frame):
                    self._replay(node, frame)
            for node, _, nodeid, words in self.lost:
                report = self._lost_report(node, nodeid, words)
                self.config.hook.pytest_runtest_logreport(report=report)
            for node in self.readers:
                guests.node_down(self.config, node)
        if self.problem is not None:
            raise self.problem

    def _begin(self) -> None:
        if not self.has_begun:
            self.has_begun = True
            node = Node(self.config, {"worker": "", "workers": 0, "run": "", "round": 0})
            for frame in self.failed_before.values():
                self._replay(node, frame)

    def _replay_some(self, node: Node, limit: int) -> bool:
        frames, has_more = self.readers[node].read(limit)
        for frame in frames:
            if self.may_retry and frame[0] == Kind.FULL and frame[2]:
                self.waiting.append((node, frame))
            else:
                self._replay(node, frame)
        return has_more

    def _replay(self, node: Node, frame: tuple[Any, ...]) -> None:
        if frame[0] == Kind.OUTPUT:
            node.workeroutput = frame[1]
            return
        reports = list(self._reports(frame))
        if not reports:
            return
        nodeid, location = reports[0].nodeid, reports[0].location
        hook = self.config.hook
        hook.pytest_runtest_logstart(nodeid=nodeid, location=location)
        for report in reports:
            report.item_index = frame[1]
            if node.gateway.id:
                report.node = node
                report.worker_id = node.gateway.id
                report.testrun_uid = node.workerinput["testrunuid"]
            hook.pytest_runtest_logreport(report=report)
        hook.pytest_runtest_logfinish(nodeid=nodeid, location=location)

    def _reports(self, frame: tuple[Any, ...]) -> Iterator[Any]:
        if frame[0] == Kind.PLAIN:
            item = self.session.items[frame[1]]
            keywords: Any = dict.fromkeys(item.keywords, 1)
            for when, (duration, start, stop) in zip(spool.PHASES, frame[2]):
                yield pytest.TestReport(
                    nodeid=getattr(item, "id", item.nodeid),
                    location=item.location,
                    keywords=keywords,
                    outcome="passed",
                    longrepr=None,
                    when=when,  # type: ignore[arg-type]
                    duration=duration,
                    start=start,
                    stop=stop,
                )
            return
        for data in frame[3]:
            if isinstance(data, pytest.TestReport):
                yield data
            else:
                hook = self.config.hook
                yield hook.pytest_report_from_serializable(config=self.config, data=data)

    def _lost_report(self, node: Node, nodeid: str, words: str) -> Any:
        report = pytest.TestReport(
            nodeid=nodeid,
            location=(nodeid.partition("::")[0], None, nodeid),  # as xdist's
            keywords={},
            outcome="failed",
            longrepr=words,
            when="???",  # type: ignore[arg-type]
        )
        report.node = node  # type: ignore[attr-defined]
        return report

    @contextlib.contextmanager
    def _caught(self) -> Iterator[None]:
        """A plugin's exception must not end a template that workers still need."""
        try:
            yield
        except BaseException as error:
            self.problem = self.problem or error

    @contextlib.contextmanager
    def _muted(self) -> Iterator[None]:
        """Send pytest's progress nowhere: pnl shows its own."""
        writer = getattr(self.config.pluginmanager.getplugin("terminalreporter"), "_tw", None)
        if writer is None:
            yield
            return
        file, writer._file = writer._file, _Nowhere()
        try:
            yield
        finally:
            writer._file = file


def _nodeid(frame: tuple[Any, ...]) -> str:
    report = frame[3][0]
    return str(report.nodeid if isinstance(report, pytest.TestReport) else report["nodeid"])


class _Nowhere:
    """A file that forgets."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        """Forgets."""
        return len(text)

    def flush(self) -> None:
        """Nothing to do."""

    def isatty(self) -> bool:
        """It is none."""
        return False
