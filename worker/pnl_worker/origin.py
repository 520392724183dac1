"""What a run does for the process that it was forked from, if it was. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from typing import Callable

is_forked = False
"""Whether this package was imported long before this run, in the warm process."""


def _nothing() -> None:
    """A run that was started asks nobody."""


say_imports: Callable[[], None] = _nothing
"""Tells the warm process (warm.py) which libraries this process has imported by now."""
