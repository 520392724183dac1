"""Keeps the template's objects out of workers' garbage collections, unseen. PYTEST_DONT_REWRITE.

A collection writes to every object that it looks at, and a fork gets a copy of each page that it
writes to. Objects that are frozen (``gc.freeze``) are not looked at, but are missing as well from
what suites and plugins ask the collector for: Hypothesis, say, warns of a generator of random
numbers that seems to have no owner, and under ``-W error`` that fails tests. So whoever asks finds
everything as it was.

What looks for objects is heard of by an audit hook and not by a function in its place: with a
Python function between, CPython 3.11 lets the caller's own coroutine be seen as a referrer, which
it does not otherwise. The hook costs about 0.3 us for each event that Python audits.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import sys
from collections.abc import Iterator
from typing import Any, Callable

AUDITED = frozenset({"gc.get_objects", "gc.get_referrers"})
"""What Python tells an audit hook, of all that shows whether objects are frozen."""

REPLACED = ("collect", "get_freeze_count")
"""The rest."""

SELDOM = (50_000, 20, 100)
"""Objects, and rounds of the younger generations, between two collections."""

_collect = gc.collect
_is_frozen = False
_is_watched = False
_template = 0


def watch() -> None:
    """Before the suite is imported: some modules keep the collector's functions for themselves."""
    global _is_watched
    if _is_watched:
        return  # forked from the warm process, which has done it
    _is_watched = True
    for name in REPLACED:
        setattr(gc, name, _thawing(getattr(gc, name)))


@contextlib.contextmanager
def seldom_collected() -> Iterator[None]:
    """While tests are collected: what is made then stays, and is not looked at for nought.

    Of 5,000 trivial tests' collection it saves a sixth (CPU time, seen in each of three pairs). A
    suite's own thresholds are left alone.
    """
    before = gc.get_threshold()
    gc.set_threshold(*SELDOM)
    try:
        yield
    finally:
        if gc.get_threshold() == SELDOM:
            gc.set_threshold(*before)


def freeze() -> None:
    """Before the first fork.

    Without a collection first, which takes 20 ms of every start and more of a large suite's: what
    garbage there is stays, once, in memory that all share.
    """
    global _is_frozen, _template
    is_heard = _template != 0
    _template = os.getpid()
    gc.freeze()
    _is_frozen = True
    if not is_heard:
        sys.addaudithook(_heed)


def _heed(event: str, _: object) -> None:
    if _is_frozen and event in AUDITED:
        _thaw()


def _thaw() -> None:
    global _is_frozen
    _is_frozen = False
    gc.unfreeze()


def _thawing(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def ask(*arguments: Any, **options: Any) -> Any:
        # At its end pytest collects five times, and no test has left anything in the template.
        is_pytests = function is _collect and os.getpid() == _template
        if _is_frozen and not is_pytests:
            _thaw()
        return function(*arguments, **options)

    return ask
