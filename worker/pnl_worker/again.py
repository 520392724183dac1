"""A test that runs more than once in one process: undoes what an earlier time left in its session.

pytest runs each item once, and so keeps what came of it: streams, properties, the number of failed
subtests, the exception of a fixture. Told of another attempt or another round that would be wrong,
and would grow for as long as a loop goes on. PYTEST_DONT_REWRITE.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

BARE: tuple[int, Sequence[pytest.Mark]] = (0, ())
"""What a test without properties and marks of its own has of them."""


class Again:
    """Knows what each item was like before it ran first."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.before: dict[int, tuple[int, Sequence[pytest.Mark]]] = {}

    def begin(self, index: int, item: pytest.Item, attempt: int) -> None:
        """A test begins, perhaps once more."""
        before = self.before.get(index)
        if before is None:
            # Mostly the same: a tuple and a list a test would be the collector's to look at.
            is_bare = not item.user_properties and not item.own_markers
            self.before[index] = (
                BARE if is_bare else (len(item.user_properties), item.own_markers[:])
            )
        else:
            properties, markers = before
            del item.user_properties[properties:]
            item.own_markers[:] = markers
            item._report_sections.clear()
            self._forget_subtests(item)
        if attempt > 1:
            _forget_failed_set_ups(item)

    def _forget_subtests(self, item: pytest.Item) -> None:
        """Has pytest count the failed subtests of this time only (pytest 9)."""
        try:
            from _pytest.subtests import failed_subtests_key
        except ImportError:
            return
        failed: Any = self.config.stash.get(failed_subtests_key, {})
        failed.pop(item.nodeid, None)


def _forget_failed_set_ups(item: pytest.Item) -> None:
    """Has the item's fixtures whose set-up failed set up anew; others, of the session say, stay.

    pytest keeps the exception for all who ask for the fixture in its scope.
    """
    info = getattr(item, "_fixtureinfo", None)
    for definitions in getattr(info, "name2fixturedefs", {}).values():
        for definition in definitions:
            cached = getattr(definition, "cached_result", None)
            if cached is not None and cached[2] is not None:
                item._initrequest()  # type: ignore[attr-defined]
                definition.finish(item._request)  # type: ignore[attr-defined]
