"""Plain pytest, observed."""

import pytest


@pytest.fixture
def account():
    raise RuntimeError("no account left")


def test_passes():
    pass


def test_needs_an_account(account):
    pass
