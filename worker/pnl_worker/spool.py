"""Reports on their way from workers to the template: files in the run's private folder.

A frame is a length and a marshalled tuple. Marshal keeps what JSON would not (tuples, which pytest
asks for, and bytes), and both ends are the same interpreter. PYTEST_DONT_REWRITE.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import struct
from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Optional

import pytest

from . import wire
from .need import Need

_LENGTH = struct.Struct(">I")

NUDGE_US = 20_000
"""How often a worker wakes the template at most: the template works on batches."""

PHASES = ("setup", "call", "teardown")


class Kind(IntEnum):
    """What a frame holds, as its tuple's first element."""

    PLAIN = 0
    """A test's index, and duration, start and stop of its three phases: it passed silently."""
    FULL = 1
    """A test's index, whether one of its reports failed, all of its reports, round and attempt."""
    OUTPUT = 2
    """The worker's ``workeroutput``, last."""


def path_of(folder: str, worker: str, round_number: int) -> str:
    """Where a worker's reports are. Names of workers come again in each round."""
    return os.path.join(folder, f"{worker}-{round_number}-reports")


PLAIN_KEYS = frozenset(
    pytest.TestReport(
        nodeid="", location=("", 0, ""), keywords={}, outcome="passed", longrepr=None, when="call"
    ).__dict__
)
"""What a report of pytest's own has and no plugin has added to."""


class Spool:
    """A worker's end."""

    def __init__(
        self,
        config: pytest.Config,
        path: str,
        round_number: int,
        need: Need,
        known_failures: frozenset[str],
        wake: Optional[Any] = None,
    ) -> None:
        self.config = config
        self.need = need
        self.known_failures = known_failures
        self.wake = wake
        self.next_nudge = 0
        self.knows_items = True
        """Whether the template has the same tests, so that an index says all of one."""
        self.round = round_number
        self.failed: dict[tuple[int, int], bytes] = {}
        self.attempt = 1
        self.markers = 0
        self.is_problem_told = False
        self.problem: Optional[OSError] = None
        """Why no more is written once something could not be: what follows would be no frame."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_NOFOLLOW
        self.fd = os.open(path, flags, 0o600)

    def begin(self, item: pytest.Item, attempt: int) -> None:
        """A test begins; it may mark itself while it runs, which its reports tell."""
        self.attempt = attempt
        self.markers = len(item.own_markers)

    def keep(self, index: int, item: pytest.Item, outcome: str, reports: list[Any]) -> None:
        """Takes the reports of a test that is over, as far as they are needed."""
        is_quiet = outcome == "passed" and len(reports) == 3
        if self.need is Need.NOTABLE and is_quiet and item.nodeid not in self.known_failures:
            return
        is_short = self.knows_items and is_quiet and all(map(_is_plain, reports))
        if is_short and self.markers == len(item.own_markers):
            times = tuple((it.duration, it.start, it.stop) for it in reports)
            frame = _frame((int(Kind.PLAIN), index, times))
        else:
            data = [self._data(report) for report in reports]
            has_failed = any(report.outcome == "failed" for report in reports)
            frame = _frame((int(Kind.FULL), index, has_failed, data, self.round, self.attempt))
            if has_failed:
                # Whether this attempt is the last, only the controller knows.
                self.failed.setdefault((index, self.attempt), frame)
        self._append(frame)
        self._nudge()

    def next_round(self, number: int) -> None:
        """Forgets what this round makes old: all but each test's first failure, by attempt."""
        self.round = number
        os.ftruncate(self.fd, 0)
        self._append(b"".join(self.failed.values()))

    def close(self, workeroutput: Any) -> None:
        """The worker's last word."""
        if workeroutput:
            self._append(_frame((int(Kind.OUTPUT), _storable(workeroutput))))
        os.close(self.fd)

    def _append(self, data: bytes) -> None:
        """Writes all of it, or nothing more for good: no test must fail for its report's sake."""
        rest = memoryview(data)
        try:
            while rest and self.problem is None:
                rest = rest[os.write(self.fd, rest) :]
        except OSError as error:
            self.problem = error

    def told_problem(self) -> Optional[wire.Message]:
        """What the user should know, once.

        It is an error, and not a warning, where a plugin wants all reports: what it writes (a file
        for a CI server) lacks tests.
        """
        if self.problem is None or self.is_problem_told:
            return None
        self.is_problem_told = True
        level = "error" if self.need is Need.ALL else "warning"
        why = f"reports of tests no longer reach pytest's own plugins ({self.problem})"
        return {"t": "notice", "level": level, "text": f"{why}; what they write is incomplete"}

    def _data(self, report: Any) -> Any:
        return self.config.hook.pytest_report_to_serializable(config=self.config, report=report)

    def _nudge(self) -> None:
        if self.wake is not None:
            now = wire.now_us()
            if now >= self.next_nudge:
                self.next_nudge = now + NUDGE_US
                with contextlib.suppress(OSError):  # full, so that it wakes anyway; or gone
                    self.wake.send(b"r")


def _is_plain(report: Any) -> bool:
    return (
        type(report) is pytest.TestReport
        and report.outcome == "passed"
        and not report.sections
        and not report.user_properties
        and report.longrepr is None
        and report.__dict__.keys() == PLAIN_KEYS
    )


def _frame(content: tuple[Any, ...]) -> bytes:
    try:
        body = marshal.dumps(content)
    except ValueError:
        body = marshal.dumps(_storable(content))
    return _LENGTH.pack(len(body)) + body


def _storable(value: Any) -> Any:
    """The value with what cannot travel made plain: an object is its text, as it would print."""
    kind = type(value)
    if value is None or kind in (bool, int, float, str, bytes):
        return value
    if isinstance(value, Mapping):
        return {_storable(key): _storable(it) for key, it in value.items()}
    if isinstance(value, tuple):
        return tuple(map(_storable, value))
    if isinstance(value, (list, set, frozenset)):
        return list(map(_storable, value))
    if isinstance(value, str):  # of a class of somebody's own, whose __str__ may say otherwise
        return str.__str__(value)
    plain: Any
    for plain in (int, float, bytes):
        if isinstance(value, plain):
            return plain(value)
    return str(value)


class Reader:
    """The template's end of one worker's file."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._rest = b""
        self._file: Optional[Any] = None

    def read(self, limit: int = -1) -> tuple[list[tuple[Any, ...]], bool]:
        """The frames that are whole by now, and whether there may be more.

        ``limit`` is how many bytes more are looked at; -1 is all of them.
        """
        if self._file is None:
            try:
                self._file = open(self.path, "rb", buffering=0)  # noqa: SIM115
            except FileNotFoundError:
                return [], False
        data = self._file.read(limit)
        rest = self._rest + data
        frames = []
        at = 0
        while len(rest) - at >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(rest, at)
            end = at + _LENGTH.size + length
            if len(rest) < end:
                break
            frames.append(marshal.loads(rest[at + _LENGTH.size : end]))
            at = end
        self._rest = rest[at:]
        return frames, len(data) == limit

    def close(self) -> None:
        """Removes the file: everything that was wanted of it has been read."""
        if self._file is not None:
            self._file.close()
            self._file = None
        with contextlib.suppress(FileNotFoundError):
            os.remove(self.path)
