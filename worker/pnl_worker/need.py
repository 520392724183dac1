"""Which reports of workers the template must see: decided once, before it forks.

The few that are always needed are those of tests that did not plainly pass: pytest's own cache
(``--lf``) and the session's exit status live on them. All are needed as soon as somebody else
listens, or shows something of tests that passed. PYTEST_DONT_REWRITE.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

import pytest

from . import guests

LISTENING = (
    "pytest_runtest_logstart",
    "pytest_runtest_logreport",
    "pytest_runtest_logfinish",
    "pytest_report_teststatus",
    "pytest_terminal_summary",
    "pytest_sessionfinish",
)
"""Hooks that reports go to, or that read what was made of them."""


class Need(Enum):
    """How much travels."""

    NOTABLE = "what did not plainly pass"
    ALL = "all"


def of(config: pytest.Config) -> Need:
    """What those who listen in this session need."""
    if _shows_passed(config.option):
        return Need.ALL
    for name in LISTENING:
        for impl in getattr(config.hook, name).get_hookimpls():
            if _wants_all(impl.plugin, config):
                return Need.ALL
    return Need.NOTABLE


def _shows_passed(option: Any) -> bool:
    """``-rp``, ``-rP``, ``-rA``, ``--durations``, and ``--sw``, which follows each test."""
    characters = set(getattr(option, "reportchars", "") or "")
    return bool(
        characters & set("pPA")
        or getattr(option, "durations", None) is not None
        or getattr(option, "stepwise", False)
        or getattr(option, "pastebin", None)
    )


def _wants_all(plugin: object, config: pytest.Config) -> bool:
    module = guests.module_of(plugin)
    if module.startswith("_pytest."):
        # What pytest registers by itself, but for the writer of --junitxml.
        return type(plugin).__name__ == "LogXML"
    if module.startswith(f"{__package__}."):
        return False
    return not guests.is_content(module, config)
