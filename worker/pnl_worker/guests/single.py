"""Plugins that mean one process by some option, in a run of several. PYTEST_DONT_REWRITE.

- pytest-randomly: one seed for all workers, made from the run's id, and told.
- pytest-benchmark: measures nothing beside other tests, as under xdist, and that is told.
- pytest-order: its order holds where one worker runs all, and that is told.
- inline-snapshot: several processes would write over each other's changes of a test file.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Optional

import pytest

from .guest import Guest, Notice, Share, asks_for

NOT_MEASURED = (
    "pytest-benchmark measures nothing beside other tests: its tests run once each, as with "
    "--benchmark-disable. To measure use --engine pytest"
)
NOT_ORDERED = (
    "pytest-order's order holds with --workers 1; several workers take tests as they become free. "
    "Tests that need each other stay together by @pytest.mark.xdist_group and --dist loadgroup"
)


class Randomly(Guest):
    """Every process would have a seed of its own."""

    def __init__(self, share: Share) -> None:
        super().__init__(share)
        self.seed: Optional[int] = None

    def before_configure(self, config: pytest.Config) -> None:
        """Makes the same seed in every process, so that none has to hand it on."""
        if getattr(config.option, "randomly_seed", None) == "default":
            config.option.randomly_seed = self.seed = zlib.crc32(self.share.run.encode())

    def notices(self, session: pytest.Session) -> Iterator[Notice]:
        """Tells the seed."""
        if self.seed is not None:
            yield (
                "info",
                f"pytest-randomly's seed is {self.seed} in all workers; "
                f"the same again with: -- --randomly-seed={self.seed}",
            )


class Benchmark(Guest):
    """Other tests run beside what it would measure."""

    def __init__(self, share: Share) -> None:
        super().__init__(share)
        self.measures = False

    def before_configure(self, config: pytest.Config) -> None:
        """Has its tests run once, unmeasured."""
        option = config.option
        if hasattr(option, "benchmark_disable"):
            if getattr(option, "benchmark_only", False):
                raise pytest.UsageError(f"--benchmark-only: {NOT_MEASURED}")
            self.measures = not (option.benchmark_disable or option.benchmark_skip)
            option.benchmark_disable = True
            option.benchmark_enable = False

    def notices(self, session: pytest.Session) -> Iterator[Notice]:
        """Says so where a test would have been measured."""
        if self.measures and asks_for(session, "benchmark"):
            yield "warning", NOT_MEASURED


class Order(Guest):
    """Its order is that of one process."""

    def notices(self, session: pytest.Session) -> Iterator[Notice]:
        """Nothing more can be done for it."""
        if hasattr(session.config.option, "order_scope") and any(
            item.get_closest_marker("order") for item in session.items
        ):
            yield "info", NOT_ORDERED


class InlineSnapshot(Guest):
    """Its changes to a file come from one process that has run all of the file's tests."""

    def before_configure(self, config: pytest.Config) -> None:
        """Refuses them."""
        flags: Optional[str] = getattr(config.option, "inline_snapshot", None)
        changes = {"create", "fix", "review", "trim", "update"} & set((flags or "").split(","))
        if changes:
            raise pytest.UsageError(
                f"--inline-snapshot={flags} changes test files, and workers would write over each "
                "other's changes. Use --engine pytest for it"
            )
