"""The marks that the controller goes by. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from typing import Any, Optional

import pytest

XDIST_GROUP = "xdist_group(name): tests of one group run on one worker with --dist loadgroup"
PNL = (
    "pnl(exclusive, lock, retries, slow, timeout): how pnl runs the test: alone, beside no other"
    " holder of a lock, again after a failure, and for how long"
)


def group_of(item: pytest.Item) -> Optional[str]:
    """The item's ``xdist_group`` marks, sorted and joined with ``_`` as xdist does it."""
    names = set()
    for mark in item.iter_markers("xdist_group"):
        name = mark.args[0] if mark.args else mark.kwargs.get("name", "default")
        names.add(str(name))
    return "_".join(sorted(names)) if names else None


def pnl_marks(item: pytest.Item) -> list[dict[str, Any]]:
    """The arguments of the item's ``pnl`` marks, the closest first. The controller judges them."""
    marks = []
    for mark in item.iter_markers("pnl"):
        arguments = {str(name): _plain(value) for name, value in mark.kwargs.items()}
        if mark.args:
            arguments["an argument without a name"] = _plain(list(mark.args))
        marks.append(arguments)
    return marks


def _plain(value: object) -> Any:
    """What JSON can hold, or a text for it."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(one) for one in value]
    return repr(value)
