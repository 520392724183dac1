"""Fixtures of pnl's own, as pytest takes them from a plugin. PYTEST_DONT_REWRITE.

They are functions and no methods: for a session-wide fixture pytest 9 warns of those, which fails
every test of a suite that makes errors of warnings.
"""

from __future__ import annotations

import os
from types import ModuleType
from typing import Any, Callable

import pytest


def as_plugin(**fixtures: Any) -> ModuleType:
    """A plugin that has these fixtures. A module, since pytest looks at objects by their class."""
    plugin = ModuleType("pnl_fixtures")
    for name, fixture in fixtures.items():
        setattr(plugin, name, fixture)
    return plugin


def identity() -> ModuleType:
    """Xdist's fixtures. Where xdist is installed, its own of the same names give the same."""

    @pytest.fixture(scope="session")
    def worker_id(request: pytest.FixtureRequest) -> str:
        """Name of the worker, ``gw0`` and so on; ``master`` when tests are not distributed."""
        workerinput = getattr(request.config, "workerinput", None)
        return str(workerinput["workerid"]) if workerinput else "master"

    @pytest.fixture(scope="session")
    def testrun_uid() -> str:
        """The run's id, the same in all workers."""
        return os.environ.get("PYTEST_XDIST_TESTRUNUID", "")

    return as_plugin(worker_id=worker_id, testrun_uid=testrun_uid)


def delete_output_dir(empty: Callable[[], None]) -> ModuleType:
    """pytest-playwright's fixture of this name, doing this instead."""

    @pytest.fixture(scope="session", autouse=True)
    def delete_output_dir() -> None:
        """Empties the folder of artefacts, once in a run."""
        empty()

    return as_plugin(delete_output_dir=delete_output_dir)
