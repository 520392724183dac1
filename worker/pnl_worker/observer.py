"""Watches a pytest that runs by itself, serially or under xdist. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from typing import Any, Optional

import pytest

from . import listing, outcome, wire


class Observer:
    """Streams what the (controlling) pytest process reports. Changes nothing."""

    def __init__(self, config: pytest.Config, connection: wire.Connection) -> None:
        self.config = config
        self.connection = connection
        self.root = str(config.rootpath)
        self.indices: dict[str, list[int]] = {}
        self.open: dict[tuple[str, str], list[pytest.TestReport]] = {}
        self.taken: dict[tuple[str, str], int] = {}
        self.starts: dict[tuple[str, str], int] = {}

    def _announce(self, rows: list[dict[str, Any]]) -> None:
        if self.indices:
            return  # under xdist each worker tells its own list; xdist itself compares them
        for index, row in enumerate(rows):
            self.indices.setdefault(row["id"], []).append(index)
        for part in listing.parts(rows):
            self.connection.buffer({"t": "tests", "tests": part})
        self.connection.send(
            {
                "t": "ready",
                "count": len(rows),
                "rootdir": self.root,
                "capture": str(getattr(self.config.option, "capture", "no")),
                "maxfail": int(self.config.option.maxfail or 0),
                "collect_errors": 0,
                "threads": [],
            }
        )

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Serial pytest: the list is this process's own."""
        option = self.config.option
        if self._workers() or option.collectonly:
            return
        if session.testsfailed and not option.continue_on_collection_errors:
            return  # pytest will not run what it could collect
        if session.items:
            self._announce([listing.describe(item) for item in session.items])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: list[str]) -> None:
        """xdist: the list is what the first worker found."""
        if ids:
            self._announce([{"id": self._plain(nodeid)} for nodeid in ids])

    def _workers(self) -> int:
        return len(getattr(self.config.option, "tx", None) or [])

    def _plain(self, nodeid: str) -> str:
        """Without the ``@group`` that xdist's loadgroup appends."""
        if getattr(self.config.option, "dist", "no") != "loadgroup":
            return nodeid
        at = nodeid.rfind("@")
        # An @ can also stand in a folder's name and in a parameter.
        return nodeid[:at] if at > max(nodeid.rfind("]"), nodeid.find("::")) else nodeid

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Serial: a test begins. xdist does not say on which worker, so its set-up report does."""
        if not self._workers():
            self._started(("", nodeid))

    def _started(self, key: tuple[str, str]) -> None:
        index = self._index(key)
        if index is not None and key not in self.starts:
            self.starts[key] = wire.now_us()
            self.connection.send(
                {"t": "start", "i": index, "at": self.starts[key], "worker": key[0]}
            )

    def _index(self, key: tuple[str, str]) -> Optional[int]:
        candidates = self.indices.get(key[1])
        if not candidates:
            return None
        return candidates[min(self.taken.get(key, 0), len(candidates) - 1)]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collects a test's reports; its tear-down is the last."""
        worker = str(getattr(report, "worker_id", "") or "")
        node = getattr(report, "node", None)
        if not worker and node is not None:
            worker = str(node.gateway.id)
        key = (worker, self._plain(report.nodeid))
        self._started(key)
        reports = self.open.setdefault(key, [])
        reports.append(report)
        if report.when in ("teardown", "???") and not outcome.is_rerun(reports):
            self._ended(key, reports)

    def _ended(self, key: tuple[str, str], reports: list[pytest.TestReport]) -> None:
        index = self._index(key)
        self.open.pop(key, None)
        start = self.starts.pop(key, wire.now_us())
        if index is None:
            return
        self.taken[key] = self.taken.get(key, 0) + 1
        message: dict[str, Any] = {"t": "done", "i": index, "start": start, "worker": key[0]}
        message.update(outcome.summarise(reports, self.root))
        # xdist hands reports on when a phase is over: count back to where the test began.
        if self._workers():
            message["start"] = wire.now_us() - int(sum(message["phases"]) * 1e6)
        self.connection.send(message)

    def _interrupted(self, key: tuple[str, str]) -> None:
        index = self._index(key)
        del self.starts[key]
        if index is not None:
            self.connection.buffer({"t": "interrupted", "i": index, "worker": key[0]})

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Ctrl-C or ``pytest.exit``: what runs gets no other outcome."""
        for key in list(self.starts):
            self._interrupted(key)
        error = excinfo.value
        if isinstance(error, pytest.exit.Exception):
            code = error.returncode
            self.connection.buffer({"t": "stop", "message": str(error.msg), "code": code})
        self.connection.flush()

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """The end of what can be observed."""
        if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            for key in list(self.starts):
                # With -x, xdist hears no more of what runs. Else nobody will ever report it.
                if session.shouldfail or session.shouldstop:
                    self._interrupted(key)
                else:
                    self._ended(key, self.open.get(key, []))
        self.connection.send({"t": "bye"})
