"""Plugins whose sessions each empty a folder that all workers write to. PYTEST_DONT_REWRITE.

- pytest-playwright, ``--output``: each session removes the folder when it begins. The first worker
  of a run does it for all. Rounds after the first have a folder each below it, and attempts after
  the first a folder each beside the first's.
- allure-pytest, ``--clean-alluredir``: the same for spawned workers. Forked ones find it done.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import Optional

import pytest

from .. import fixtures
from .guest import Guest, Share, claim, lock


class Playwright(Guest):
    """Every worker would remove the folder."""

    def before_configure(self, config: pytest.Config) -> None:
        """Puts a fixture in the place of the plugin's own."""
        option = config.option
        if hasattr(option, "output") and hasattr(option, "tracing"):
            artefacts = Artefacts(config, self.share.folder)
            config.pluginmanager.register(artefacts, "pnl-artefacts")
            fixture = fixtures.delete_output_dir(artefacts.empty)
            config.pluginmanager.register(fixture, "pnl-artefacts-fixture")


class Artefacts:
    """pytest-playwright's folder, of which every worker of a run has a part."""

    def __init__(self, config: pytest.Config, folder: str) -> None:
        self.config = config
        self.folder = folder
        self.output = str(config.option.output)

    def empty(self) -> None:
        """In place of the plugin's own: once in a run, and before any worker writes to it."""
        held = lock(self.folder, "output")
        try:
            if claim(held):
                _empty(self.output)
        finally:
            os.close(held)

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


class Allure(Guest):
    """Every spawned worker would clean the folder."""

    def __init__(self, share: Share) -> None:
        super().__init__(share)
        self.held: Optional[int] = None

    def before_configure(self, config: pytest.Config) -> None:
        """Leaves the folder to the first worker; others wait until it is past that."""
        if getattr(config.option, "clean_alluredir", False) and self.share.is_spawned:
            self.held = lock(self.share.folder, "alluredir")
            if not claim(self.held):
                config.option.clean_alluredir = False

    def after_configure(self) -> None:
        """The folder is clean."""
        if self.held is not None:
            os.close(self.held)


def _empty(folder: str) -> None:
    """Removes what is in it. It may be a mounted folder, which cannot be removed itself."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for entry in os.scandir(folder):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                with contextlib.suppress(OSError):
                    os.remove(entry.path)
