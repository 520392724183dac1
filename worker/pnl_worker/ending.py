"""What pytest's session has to say at its end, of which the user asked for some.

pnl shows failures and sums itself; so pytest's own are left out here, and what is added to them is
sent: a plugin's or a conftest's ``pytest_terminal_summary``, ``--durations``, and what ``-r`` asks
for beyond failures and errors. PYTEST_DONT_REWRITE.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import Any

import pytest

from . import outcome, wire

LIMIT = 2 * 1024 * 1024
"""Characters sent at most: at JSON's worst, 6 bytes a character, it fits into a frame."""

SHOWN_BY_PNL = "fEw"
"""Of ``-r``'s characters. Warnings stay in workers."""


class Summary:
    """Sends it."""

    def __init__(self, connection: wire.Connection) -> None:
        self.connection = connection

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> Iterator[None]:
        """Inside of the terminal reporter's own, which prints pytest's part before and after."""
        writer = getattr(terminalreporter, "_tw", None)
        if writer is None:
            return (yield)
        text = io.StringIO()
        file, writer._file = writer._file, text
        try:
            with contextlib.redirect_stdout(text):
                result = yield
                _add_chosen(terminalreporter)
            return result
        finally:
            writer._file = file
            # pytest ends its line of progress first.
            shown = text.getvalue().strip("\n")
            if shown:
                self.connection.send({"t": "summary", "text": outcome.cut(shown, LIMIT)})


def _add_chosen(reporter: Any) -> None:
    """What ``-r`` asks for."""
    characters = getattr(reporter, "reportchars", "")
    chosen = "".join(it for it in characters if it not in SHOWN_BY_PNL)
    if not chosen or getattr(reporter, "no_summary", False):
        return
    reporter.reportchars = chosen
    try:
        for part in ("summary_xfailures", "summary_passes", "summary_xpasses"):
            getattr(reporter, part, lambda: None)()
        reporter.short_test_summary()
    finally:
        reporter.reportchars = characters
