"""Plugins that live on reports or write files from them. PYTEST_DONT_REWRITE.

Most need nothing: they see an xdist worker in workers, and replayed reports in the template.

- ``--junitxml``, pytest-html, pytest-reportlog: taken out of workers. Each would write its file
  over the template's, or share its open file with it.
- pytest-json-report: workers get the part that it has for xdist's; its data travel with reports.
- syrupy: gets what its workers hand over by ``workeroutput``. No spawned worker knows which
  snapshots are unused, and that is told.
- pytest-split, ``--store-durations``: spawned workers would each write their own part of the file.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from typing import Any, Callable

import pytest

from .guest import Guest, Notice, Share, asks_for

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


class Files(Guest):
    """Options whose files need reports in one place, which spawned workers have not."""

    def notices(self, session: pytest.Session) -> Iterator[Notice]:
        """Names those of the options that the run has been given."""
        files = files_asked_for(session.config) if self.share.is_spawned else []
        if files:
            yield (
                "warning",
                f"{', '.join(files)}: nothing comes of it with --engine spawn, where no process "
                "sees all tests. Use --engine fork, or pnl's own --junit FILE",
            )


class Split(Guest):
    """Each spawned worker would store durations of its own tests alone."""

    def __init__(self, share: Share) -> None:
        super().__init__(share)
        self.stores = False

    def before_configure(self, config: pytest.Config) -> None:
        """Keeps it from storing any."""
        if getattr(config.option, "store_durations", False) and self.share.is_spawned:
            self.stores = True
            config.option.store_durations = False

    def notices(self, session: pytest.Session) -> Iterator[Notice]:
        """Says that nothing is stored."""
        if self.stores:
            yield _lost("--store-durations")


class Syrupy(Guest):
    """Its report is right where one process has seen all tests."""

    def notices(self, session: pytest.Session) -> Iterator[Notice]:
        """Says so where there is no such process."""
        has_plugin = self.share.is_spawned and hasattr(session.config, "_syrupy")
        if has_plugin and asks_for(session, "snapshot"):
            yield _lost("syrupy's report of unused snapshots")


def _lost(what: str) -> Notice:
    text = f"{what}: nothing comes of it with --engine spawn, where nobody sees all tests"
    return "warning", f"{text}. Use --engine fork"


def files_asked_for(config: pytest.Config) -> list[str]:
    """The options by their names."""
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
