"""Keeps the template's objects out of workers' garbage collections, unseen. PYTEST_DONT_REWRITE.

A collection writes to every object that it looks at, and a fork gets a copy of each page that it
writes to. Objects that are frozen (``gc.freeze``) are not looked at, but are missing as well from
what suites and plugins ask the collector for: Hypothesis, say, warns of a generator of random
numbers that seems to have no owner, and under ``-W error`` that fails tests. So whoever asks finds
everything as it was.
"""

from __future__ import annotations

import functools
import gc
import os
from typing import Any, Callable

ASKED = ("collect", "get_objects", "get_referrers", "get_freeze_count")
"""The functions of ``gc`` that show whether objects are frozen."""

_collect = gc.collect
_is_frozen = False
_template = 0


def watch() -> None:
    """Before the suite is imported: some modules keep the collector's functions for themselves."""
    for name in ASKED:
        setattr(gc, name, _thawing(getattr(gc, name)))


def freeze() -> None:
    """Before the first fork."""
    global _is_frozen, _template
    _template = os.getpid()
    gc.collect()
    gc.freeze()
    _is_frozen = True


def _thawing(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def ask(*arguments: Any, **options: Any) -> Any:
        global _is_frozen
        # At its end pytest collects five times, and no test has left anything in the template.
        is_pytests = function is _collect and os.getpid() == _template
        if _is_frozen and not is_pytests:
            _is_frozen = False
            gc.unfreeze()
        answer = function(*arguments, **options)
        if isinstance(answer, list):
            # What this call itself has brought to life.
            answer[:] = [it for it in answer if it is not arguments and it is not options]
        return answer

    return ask
