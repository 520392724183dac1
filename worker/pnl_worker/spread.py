"""Collection by workers: the template finds the test files, each worker imports those it is given.

pytest 9 ties conftests' fixtures to the folders' nodes of one ``perform_collect``, so the files are
found inside of one, by pytest's own rules; only the step from a file to its tests is left to
workers, who have the same nodes by the fork. PYTEST_DONT_REWRITE.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Optional, Union

import pytest

from . import guests, heap, per_item

KNOWN = frozenset(
    {"_pytest", "_hypothesis_pytestplugin", "anyio", "hypothesis", "pytest_asyncio", "xdist"}
)
"""Packages whose hooks look at one test at a time, or act on options that are asked for here."""

WHOLE_LIST_HOOKS = (
    "pytest_collection",
    "pytest_collection_modifyitems",
    "pytest_collection_finish",
    "pytest_report_collectionfinish",
    "pytest_deselected",
)
"""Hooks that a suite can expect to be called once, with all tests."""

WHOLE_LIST_OPTIONS = {
    "lf": "--lf",
    "failedfirst": "--ff",
    "newfirst": "--nf",
    "stepwise": "--sw",
    "keepduplicates": "--keep-duplicates",
    "collectonly": "--collect-only",
}


def why_full(config: pytest.Config, wish: str) -> Optional[str]:
    """What needs the list of all tests at once, in a few words; ``None`` if nothing does.

    Where the user wishes ``spread``, hooks make do with one file's tests at a time.
    """
    for option, name in WHOLE_LIST_OPTIONS.items():
        if getattr(config.option, option, False):
            return name
    if any("::" in arg for arg in config.args):
        return "single tests were named"
    if wish == "spread":
        return None
    for name in WHOLE_LIST_HOOKS:
        for impl in getattr(config.pluginmanager.hook, name).get_hookimpls():
            module = guests.module_of(impl.plugin)
            if module.partition(".")[0] in KNOWN | {__package__}:
                continue
            is_plain = name == "pytest_collection_modifyitems" and not impl.hookwrapper
            if not is_plain or not per_item.is_per_item(impl.function, config):
                return f"{name} of {_named(impl.plugin, module)}"
    return None


def _named(plugin: Any, module: str) -> str:
    file = getattr(plugin, "__file__", None)
    return os.path.relpath(file) if file and module.endswith("conftest") else module


@dataclass
class Unit:
    """A file that was not imported yet."""

    nodes: list[pytest.File]
    """Several where it is collected in several ways: its tests, its doctests."""
    path: list[str]
    """``sys.path`` when pytest came to it. With ``rootdir/conftest`` files in several folders it
    grows from folder to folder, and ``import helpers`` means the folder's own."""
    conftest: Optional[ModuleType]
    """What ``import conftest`` meant then; pytest forgets it when it loads the next folder's."""

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Makes imports mean what they did when pytest came to the file."""
        path, conftest = list(sys.path), sys.modules.get("conftest")
        sys.path[:] = self.path + [entry for entry in path if entry not in self.path]
        _set_conftest(self.conftest)
        try:
            yield
        finally:
            sys.path[:] = [entry for entry in sys.path if entry not in path] + path
            _set_conftest(conftest)


def _set_conftest(module: Optional[ModuleType]) -> None:
    if module is None:
        sys.modules.pop("conftest", None)
    else:
        sys.modules["conftest"] = module


class Files:
    """The test files of a session, not imported yet."""

    def __init__(self, session: pytest.Session) -> None:
        self.session = session
        self.expand = session.genitems
        self.found: dict[Any, Unit] = {}

    def __enter__(self) -> Files:
        self.session.genitems = self._genitems  # type: ignore[method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        del self.session.genitems

    def _genitems(self, node: Union[pytest.Item, pytest.Collector]) -> Iterator[pytest.Item]:
        if isinstance(node, pytest.File) and not isinstance(node, pytest.Package):
            unit = Unit([], list(sys.path), sys.modules.get("conftest"))
            self.found.setdefault(node.path, unit).nodes.append(node)
        else:
            yield from self.expand(node)

    def why_full(self, wish: str) -> Optional[str]:
        """As the function: conftests below were loaded while the files were found."""
        return why_full(self.session.config, wish)

    def units(self) -> list[Unit]:
        """The files, in pytest's order."""
        return list(self.found.values())

    def collect_all(self) -> None:
        """Collects here after all."""
        for unit in self.units():
            collect_into(self.session, unit)
        self.session.testscollected = len(self.session.items)


def collect_into(session: pytest.Session, unit: Unit) -> list[pytest.Item]:
    """Collects a file as pytest does, adds its tests to the session's and returns them."""
    hook = session.config.hook
    with unit.in_place(), heap.seldom_collected():
        items = [item for node in unit.nodes for item in session.genitems(node)]
    hook.pytest_collection_modifyitems(session=session, config=session.config, items=items)
    # The one hook without a list of its own; anyio's adds to the session's.
    before, session.items = session.items, items
    hook.pytest_collection_finish(session=session)
    session.items, items = before, session.items
    session.items.extend(items)
    return items


def describe(unit: Unit) -> dict[str, Any]:
    """Say what the controller needs to know of a file."""
    try:
        size = os.stat(unit.nodes[0].path).st_size
    except OSError:
        size = 0
    return {"id": unit.nodes[0].nodeid, "size": size}


class Errors:
    """Keeps what could not be collected, as pytest prints it."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    @pytest.hookimpl(trylast=True)
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Takes a failed one."""
        if report.failed:
            title = f" ERROR collecting {report.nodeid} "
            sections = (f"{f' {name} ':-^80}\n{text}" for name, text in report.sections)
            self.texts.append("\n".join([f"{title:_^80}", report.longreprtext, *sections]))
