"""Plugins that need a hand where workers are forked: what is done for each, and why.

Everything here that is about one plugin would have no place without it. Most plugins need nothing:
they see an xdist worker in workers, and replayed reports in the template. PYTEST_DONT_REWRITE.

- ``--junitxml``, pytest-html, pytest-reportlog: taken out of workers. Each would write its file
  over the template's, or share its open file with it.
- pytest-json-report: workers get the part that it has for xdist's; its data travel with reports.
- pytest-cov: forked workers save data files of their own, after each test, so that what a worker
  had measured stays when it is killed; the template combines them.
- pytest-cov in spawned workers: the first of a run erases old data, each combines with what is
  there, and the last one to leave reports, since there is no process that outlives them all.
- syrupy: gets what its workers hand over by ``workeroutput``.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import types
from collections.abc import Iterator
from typing import Any, Callable, Optional

import pytest

CONTENT: dict[str, Callable[[Any], bool]] = {
    "pytest_cov": lambda option: True,
    "pytest_metadata": lambda option: True,
    "pytest_playwright": lambda option: True,
    "pytest_base_url": lambda option: True,
    "pytest_asyncio": lambda option: True,
    "anyio": lambda option: True,
    "xdist": lambda option: True,
    "pytest_timeout": lambda option: True,
    "pytest_benchmark": lambda option: True,
    # It looks for reports of reruns, and a test that was run again did not plainly pass.
    "pytest_rerunfailures": lambda option: True,
    "_hypothesis_pytestplugin": lambda option: (
        not getattr(option, "hypothesis_show_statistics", False)
    ),
}
"""Plugins that listen to reports, or have a word at the end, and need nothing of what passed."""


SERVED_OTHERWISE = ("pytest_cov", "pytest_metadata")
"""Plugins that expect of a worker's end what they put there when an xdist worker is configured."""


def module_of(plugin: object) -> str:
    """The module that a plugin is, or that its class is from."""
    if isinstance(plugin, types.ModuleType):
        return plugin.__name__
    return (plugin if isinstance(plugin, type) else type(plugin)).__module__


def is_content(module: str, config: pytest.Config) -> bool:
    """Whether a plugin from this module does without reports of tests that passed."""
    asks = CONTENT.get(module) or CONTENT.get(module.partition(".")[0])
    return asks is not None and asks(config.option)


def leave_worker(config: pytest.Config) -> None:
    """Takes out of a worker what would not be in one of xdist's.

    They ask for ``config.workerinput`` when they are configured; it was not there yet.
    """
    for plugin in list(config.pluginmanager.get_plugins()):
        kind = f"{type(plugin).__module__}.{type(plugin).__name__}"
        remove = CONTROLLERS.get(kind)
        if remove is not None:
            config.pluginmanager.unregister(plugin)
            remove(config)


def _nothing_more(config: pytest.Config) -> None:
    """The plugin is gone, and nobody holds it."""


def _forget_xml(config: pytest.Config) -> None:
    from _pytest.junitxml import xml_key

    del config.stash[xml_key]


def _json_worker(config: pytest.Config) -> None:
    ours: Any = sys.modules["pytest_jsonreport.plugin"].JSONReportWorker
    # Its hooks are known already, and pluggy takes them only once.
    plugin = type("JSONReportWorker", (ours,), {"pytest_addhooks": None})(config)
    config._json_report = plugin  # type: ignore[attr-defined]
    config.pluginmanager.register(plugin)


CONTROLLERS: dict[str, Callable[[pytest.Config], None]] = {
    "_pytest.junitxml.LogXML": _forget_xml,
    "pytest_html.report.Report": _nothing_more,
    "pytest_html.selfcontained_report.SelfContainedReport": _nothing_more,
    "pytest_jsonreport.plugin.JSONReport": _json_worker,
    "pytest_reportlog.plugin.ReportLogPlugin": _nothing_more,
}
"""By class: what else is to be done when such a plugin was taken out of a worker."""


def files_asked_for(config: pytest.Config) -> list[str]:
    """Options whose files need reports in one place, which spawned workers have not."""
    asked = {
        "--junitxml": "xmlpath",
        "--html": "htmlpath",
        "--json-report": "json_report",
        "--report-log": "report_log",
        "--durations": "durations",
        "--lf": "lf",
        "--ff": "failedfirst",
        "--sw": "stepwise",
        "--store-durations": "store_durations",
    }
    return [name for name, option in asked.items() if getattr(config.option, option, None)]


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


def enter_forked_worker(config: pytest.Config) -> None:
    """Does all that a forked worker's guests need."""
    leave_worker(config)
    coverage = coverage_of(config)
    if coverage is not None:
        config.pluginmanager.register(ForkedCoverage(coverage), "pnl-coverage")


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


def node_down(config: pytest.Config, node: Any) -> None:
    """Hands a worker's ``workeroutput`` to those who wait for it, as xdist does (syrupy)."""
    hook = getattr(config.hook, "pytest_testnodedown", None)
    if hook is None or not node.workeroutput:
        return
    manager = config.pluginmanager
    served = [
        impl.plugin
        for impl in hook.get_hookimpls()
        if module_of(impl.plugin).partition(".")[0] in SERVED_OTHERWISE
    ]
    manager.subset_hook_caller("pytest_testnodedown", served)(node=node, error=None)
