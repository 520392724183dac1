"""For a spawned worker that keeps its session fixtures over two rounds."""

import pytest


@pytest.mark.xdist_group("accounts")
def test_grouped():
    pass


@pytest.mark.skip(reason="not today")
def test_skipped():
    pass


@pytest.mark.xfail(reason="known bug")
def test_xfailed():
    assert False


def test_never_started():
    pass
