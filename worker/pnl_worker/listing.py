"""What was collected, as the controller is told of it. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Optional

import pytest

from . import marks, spread, threads, wire

CHUNK = 500
"""Tests in one ``tests`` message at most."""

CHUNK_SIZE = 1024 * 1024
"""Characters of node ids after which a ``tests`` message ends: keeps frames below their limit."""


@dataclass(frozen=True)
class Collected:
    """How far collection went."""

    files: list[spread.Unit] = field(default_factory=list)
    """Files that workers are to collect; none where all tests are known."""
    why_full: str = ""
    """Why all tests were collected though that was not wanted."""
    stamps: Optional[wire.Message] = None
    """When this process came how far, if that was asked for."""


WHOLE = Collected()


def announce(
    session: pytest.Session,
    connection: wire.Connection,
    xdist: wire.Message,
    how: Collected = WHOLE,
) -> None:
    """Sends the list of tests or of files, then ``ready``, with what xdist's options say."""
    if how.files:
        files = [spread.describe(unit) for unit in how.files]
        for part in parts(files):
            connection.buffer({"t": "files", "files": part})
    tell_tests(connection, session.items)
    ready(session, connection, xdist, how)


def ready(
    session: pytest.Session,
    connection: wire.Connection,
    xdist: Optional[wire.Message] = None,
    how: Collected = WHOLE,
) -> None:
    """Says that all is told, and what the controller needs to know of this process."""
    option = session.config.option
    connection.send(
        {
            "t": "ready",
            "count": len(session.items),
            "rootdir": str(session.config.rootpath),
            "capture": str(getattr(option, "capture", "no")),
            "maxfail": int(option.maxfail or 0),
            "collect_errors": int(session.testsfailed),
            "threads": threads.endangered(),
            **({"xdist": xdist} if xdist else {}),
            **({"files": len(how.files)} if how.files else {}),
            **({"goes_on": True} if how.files and option.continue_on_collection_errors else {}),
            **({"why_full": how.why_full} if how.why_full else {}),
            **({"stamps": how.stamps} if how.stamps else {}),
        }
    )


def tell_tests(connection: wire.Connection, items: Sequence[pytest.Item]) -> None:
    """Holds rows of these tests back for the next message."""
    for part in parts([describe(item) for item in items]):
        connection.buffer({"t": "tests", "tests": part})


def tell_file(
    connection: wire.Connection,
    number: int,
    items: Sequence[pytest.Item],
    began: int,
    errors: Sequence[str] = (),
) -> None:
    """Tells of the tests of a file that was collected since ``began``, and of what could not be."""
    tell_tests(connection, items)
    took = wire.now_us() - began
    told: dict[str, Any] = {"t": "collected", "file": number, "count": len(items), "took": took}
    if errors:
        told["errors"] = list(errors)
    connection.send(told)


def parts(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Rows in parts that fit into frames, whatever their ids: some suites have very long ones."""
    part: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        part.append(row)
        size += len(row["id"])
        if len(part) == CHUNK or size > CHUNK_SIZE:
            yield part
            part, size = [], 0
    if part:
        yield part


def describe(item: pytest.Item) -> dict[str, Any]:
    """Say what the controller needs to know of a test."""
    row: dict[str, Any] = {"id": item.nodeid}
    try:
        line = item.location[1]
    except Exception:  # a custom item may not know where it is
        line = None
    if line is not None:
        row["line"] = line + 1
    group = marks.group_of(item)
    if group is not None:
        row["group"] = group
    pnl = marks.pnl_marks(item)
    if pnl:
        row["pnl"] = pnl
    return row
