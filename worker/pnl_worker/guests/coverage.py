"""pytest-cov, whose data files are how the workers' measurements meet. PYTEST_DONT_REWRITE.

- Forked workers save data files of their own, after each test, so that what a worker had measured
  stays when it is killed; the template combines them.
- Of spawned workers the first of a run erases old data, each combines with what is there, and the
  last one to leave reports, since there is no process that outlives them all.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from typing import Any, Optional

import pytest


def coverage_of(config: pytest.Config) -> Optional[Any]:
    """pytest-cov's plugin, if it measures."""
    plugin = config.pluginmanager.getplugin("_cov")
    controller = getattr(plugin, "cov_controller", None)
    return plugin if getattr(controller, "cov", None) is not None else None


class Measured:
    """Writes what coverage.py has measured to its data file after each test.

    So nothing is lost with a worker that is killed. Its own ``save`` looks at all source files each
    time, 2 ms; what is behind it writes in 0.2 ms, and only for tests that reached something new
    (looking takes 1.5 us). Receipt: coverage 7.17, a source of ten lines.
    """

    def __init__(self, plugin: Any) -> None:
        self.controller = plugin.cov_controller
        self.seen: dict[str, set[Any]] = {}

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logfinish(self) -> None:
        """A test is over."""
        collector = getattr(self.controller.cov, "_collector", None)
        data = getattr(collector, "data", None)
        if not isinstance(data, dict):
            self.controller.cov.save()  # a coverage.py that is built otherwise
        elif self._has_more(data):
            collector.flush_data()  # type: ignore[union-attr]

    def _has_more(self, data: dict[str, Any]) -> bool:
        """Whether lines or arcs were reached that were not written yet."""
        has_more = False
        for file, reached in list(data.items()):
            seen = self.seen.setdefault(file, set())
            new = set(reached) - seen
            if new:
                seen |= new
                has_more = True
        return has_more


class ForkedCoverage(Measured):
    """The same, for a worker whose session is not pytest-cov's own to end.

    coverage.py itself sees that the process was forked and takes another file's name.
    """

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self) -> Iterator[None]:
        """The last tear-downs are over."""
        try:
            return (yield)
        finally:
            self.controller.cov.stop()
            self.controller.cov.save()


class SharedCoverage:
    """pytest-cov in spawned workers: each is a whole session to it, and they share the data file.

    The first of a run erases the data of former runs. Each combines, one at a time, what is there
    with its own, and the last one to leave reports.
    """

    def __init__(self, folder: str, worker: str) -> None:
        self.folder = folder
        self.name = f"coverage-{worker}-{os.getpid()}"

    def before_start(self, options: Any) -> None:
        """Before pytest-cov starts: only the first erases."""
        if not getattr(options, "cov_source", None):
            return
        try:
            os.close(os.open(self._path("coverage"), os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            options.cov_append = True
        with open(self._path(self.name), "wb"):
            pass

    def enter(self, config: pytest.Config) -> None:
        """Before the session starts: pytest-cov must not take this for a worker of xdist's."""
        plugin = coverage_of(config)
        if plugin is not None:
            plugin._is_worker = lambda session: False
            config.pluginmanager.register(Measured(plugin), "pnl-coverage")

    def leave(self, config: pytest.Config) -> bool:
        """The tests are over, pytest-cov combines next. Holds the others until this process ends.

        Whether this one is the last.
        """
        plugin = coverage_of(config)
        if plugin is None:
            return False
        lock = os.open(self._path("coverage"), os.O_RDWR)
        fcntl.flock(lock, fcntl.LOCK_EX)  # left open on purpose: it goes with the process
        os.remove(self._path(self.name))
        if any(_lives(name) for name in os.listdir(self.folder) if name.startswith("coverage-")):
            plugin.options.cov_report = {}
            plugin.options.cov_fail_under = None
            return False
        return True

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, name)


def coverage_report(config: pytest.Config) -> str:
    """What pytest-cov would print."""
    plugin = coverage_of(config)
    text: str = "" if plugin is None else plugin.cov_report.getvalue()
    return text


def _lives(name: str) -> bool:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(int(name.rsplit("-", 1)[1]), 0)
        return True
    return False
