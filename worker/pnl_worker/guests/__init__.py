"""Plugins that need a hand where several processes share a run: what is done for each, and why.

Everything here that is about one plugin is in one place and would have none without it:
`artefacts.py` (folders that sessions empty), `coverage.py`, `reports.py` (files made from reports),
`single.py` (options that mean one process). Most plugins need nothing. PYTEST_DONT_REWRITE.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Optional

import pytest

from . import artefacts, coverage, reports, single
from .guest import Guest, Notice, Share
from .reports import is_content, module_of, node_down

__all__ = ["Guests", "enter_forked_worker", "is_content", "module_of", "node_down"]

GUESTS: list[type[Guest]] = [
    reports.Files,
    artefacts.Allure,
    single.Randomly,
    reports.Split,
    reports.Syrupy,
    single.Benchmark,
    single.InlineSnapshot,
    artefacts.Playwright,
    single.Order,
]
"""In the order in which they speak."""


class Guests:
    """All that is done for them in the template and in a spawned worker, from start to end."""

    def __init__(self, order: dict[str, Any], run: str) -> None:
        role, folder = order["role"], os.path.dirname(order["socket"])
        is_first = role == "template" or (order["slot"] == 0 and order["round"] == 1)
        share = Share(role, folder, run, is_first)
        self.share = share
        self.guests = [guest(share) for guest in GUESTS]
        self.coverage: Optional[coverage.SharedCoverage] = None
        if share.is_spawned:
            self.coverage = coverage.SharedCoverage(folder, order["worker"])
        self.reports_coverage = False

    def before_start(self, options: Any) -> None:
        """Before any plugin has looked at its options."""
        if self.coverage is not None:
            self.coverage.before_start(options)

    def before_configure(self, config: pytest.Config) -> None:
        """Changes options before their plugins look at them."""
        for guest in self.guests:
            guest.before_configure(config)

    def after_configure(self) -> None:
        """Lets other processes go on: what only the first was to do is done."""
        for guest in self.guests:
            guest.after_configure()

    def enter_spawned_worker(self, config: pytest.Config) -> None:
        """Before the session starts, once it is known to be a worker's."""
        reports.leave_worker(config)
        if self.coverage is not None:
            self.coverage.enter(config)

    def notices(self, session: pytest.Session) -> Iterator[Notice]:
        """Level and text of what is to be said before the first test."""
        if self.share.is_first:
            for guest in self.guests:
                yield from guest.notices(session)

    def leave(self, config: pytest.Config) -> None:
        """The tests of a spawned worker are over."""
        self.reports_coverage = self.coverage is not None and self.coverage.leave(config)

    def summary(self, config: pytest.Config) -> Optional[str]:
        """What is to be printed at the very end, by the one process that knows it."""
        return coverage.coverage_report(config) if self.reports_coverage else None


def enter_forked_worker(config: pytest.Config) -> None:
    """Does all that a forked worker's guests need."""
    reports.leave_worker(config)
    measuring = coverage.coverage_of(config)
    if measuring is not None:
        config.pluginmanager.register(coverage.ForkedCoverage(measuring), "pnl-coverage")
