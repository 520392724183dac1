"""What all tests of the worker package share."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from controller import FakeController

pytest_plugins = ["pytester"]


@pytest.fixture
def controller(tmp_path):
    """A fake controller whose processes are all gone afterwards."""
    with FakeController(tmp_path) as controller:
        yield controller
