"""Options of other plugins that mean one process, in a run of several. PYTEST_DONT_REWRITE.

All that is done for a plugin because of such an option is here, and would have no place without it.

- pytest-playwright, ``--output``: each session removes the folder when it begins. The first worker
  of a run does it for all. Rounds after the first have a folder each below it, and attempts after
  the first a folder each beside the first's.
- allure-pytest, ``--clean-alluredir``: the same for spawned workers. Forked ones find it done.
- pytest-randomly: one seed for all workers, made from the run's id, and told.
- pytest-benchmark: measures nothing beside other tests, as under xdist, and that is told.
- pytest-order: its order holds where one worker runs all, and that is told.
- pytest-split, ``--store-durations``: spawned workers would each write their own part of the file.
- syrupy: no spawned worker knows which snapshots are unused, and that is told.
- inline-snapshot: several processes would write over each other's changes of a test file.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import zlib
from collections.abc import Iterator
from typing import Any, Optional

import pytest

from . import fixtures

NOT_MEASURED = (
    "pytest-benchmark measures nothing beside other tests: its tests run once each, as with "
    "--benchmark-disable. To measure use --engine pytest"
)
NOT_ORDERED = (
    "pytest-order's order holds with --workers 1; several workers take tests as they become free. "
    "Tests that need each other stay together by @pytest.mark.xdist_group and --dist loadgroup"
)


class GuestOptions:
    """What is changed and told, in the template and in each spawned worker."""

    def __init__(self, role: str, folder: str, run: str, round_number: int, slot: int) -> None:
        self.role = role
        self.folder = folder
        self.run = run
        self.is_first = role == "template" or (slot == 0 and round_number == 1)
        self.held: Optional[int] = None
        self.seed: Optional[int] = None
        self.measures = False
        self.stores_durations = False

    def before_configure(self, config: pytest.Config) -> None:
        """Changes options before their plugins look at them."""
        option = config.option
        if getattr(option, "clean_alluredir", False) and self.role == "worker":
            self._clean_once(option)
        if getattr(option, "store_durations", False) and self.role == "worker":
            self.stores_durations = True
            option.store_durations = False
        if getattr(option, "randomly_seed", None) == "default":
            option.randomly_seed = self.seed = zlib.crc32(self.run.encode())
        if hasattr(option, "benchmark_disable"):
            if getattr(option, "benchmark_only", False):
                raise pytest.UsageError(f"--benchmark-only: {NOT_MEASURED}")
            self.measures = not (option.benchmark_disable or option.benchmark_skip)
            option.benchmark_disable = True
            option.benchmark_enable = False
        _refuse_changed_snapshots(getattr(option, "inline_snapshot", None))
        if hasattr(option, "output") and hasattr(option, "tracing"):
            artefacts = Artefacts(config, self.folder)
            config.pluginmanager.register(artefacts, "pnl-artefacts")
            fixture = fixtures.delete_output_dir(artefacts.empty)
            config.pluginmanager.register(fixture, "pnl-artefacts-fixture")

    def after_configure(self) -> None:
        """Lets others go on: what only the first was to do is done."""
        if self.held is not None:
            os.close(self.held)

    def _clean_once(self, option: Any) -> None:
        """Leaves the folder to the first worker; others wait until it is past that."""
        self.held = _lock(self.folder, "alluredir")
        if not _claim(self.held):
            option.clean_alluredir = False

    def notices(self, session: pytest.Session) -> Iterator[tuple[str, str]]:
        """Level and text of what is to be said before the first test."""
        if not self.is_first:
            return
        if self.seed is not None:
            yield (
                "info",
                f"pytest-randomly's seed is {self.seed} in all workers; "
                f"the same again with: -- --randomly-seed={self.seed}",
            )
        for lost in self._lost(session):
            text = f"{lost}: nothing comes of it with --engine spawn, where nobody sees all tests"
            yield "warning", f"{text}. Use --engine fork"
        if self.measures and _asks_for(session, "benchmark"):
            yield "warning", NOT_MEASURED
        if hasattr(session.config.option, "order_scope") and any(
            item.get_closest_marker("order") for item in session.items
        ):
            yield "info", NOT_ORDERED

    def _lost(self, session: pytest.Session) -> Iterator[str]:
        """What needs one process that sees all tests."""
        if self.role == "worker":
            if self.stores_durations:
                yield "--store-durations"
            if hasattr(session.config, "_syrupy") and _asks_for(session, "snapshot"):
                yield "syrupy's report of unused snapshots"


def _asks_for(session: pytest.Session, fixture: str) -> bool:
    return any(fixture in getattr(item, "fixturenames", ()) for item in session.items)


def _refuse_changed_snapshots(flags: Optional[str]) -> None:
    changes = {"create", "fix", "review", "trim", "update"} & set((flags or "").split(","))
    if changes:
        raise pytest.UsageError(
            f"--inline-snapshot={flags} changes test files, and workers would write over each "
            "other's changes. Use --engine pytest for it"
        )


class Artefacts:
    """pytest-playwright's folder, of which every worker of a run has a part."""

    def __init__(self, config: pytest.Config, folder: str) -> None:
        self.config = config
        self.folder = folder
        self.output = str(config.option.output)

    def empty(self) -> None:
        """In place of the plugin's own: once in a run, and before any worker writes to it."""
        lock = _lock(self.folder, "output")
        try:
            if _claim(lock):
                _empty(self.output)
        finally:
            os.close(lock)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Names the folder by the round and the attempt that pnl has told of."""
        round_number = int(os.environ.get("PNL_ROUND", "1"))
        is_first = round_number == 1
        self.config.option.output = (
            self.output if is_first else os.path.join(self.output, f"round-{round_number}")
        )
        attempt = int(os.environ.get("PNL_ATTEMPT", "1"))
        if attempt > 1:
            item.execution_count = attempt  # type: ignore[attr-defined]


def _empty(folder: str) -> None:
    """Removes what is in it. It may be a mounted folder, which cannot be removed itself."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for entry in os.scandir(folder):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                with contextlib.suppress(OSError):
                    os.remove(entry.path)


def _lock(folder: str, name: str) -> int:
    """A lock among the workers of a run; it goes with the process that holds it."""
    lock = os.open(os.path.join(folder, f"guest-{name}"), os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def _claim(lock: int) -> bool:
    """Whether this is the first of the run to hold the lock."""
    if os.fstat(lock).st_size:
        return False
    os.write(lock, b"claimed")
    return True
