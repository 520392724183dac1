import pytest


@pytest.fixture
def broken():
    raise RuntimeError("set-up fails")


@pytest.fixture
def broken_later():
    yield
    raise RuntimeError("tear-down fails")


@pytest.mark.parametrize("number", range(10))
def test_passes(number):
    print("printed", number)


def test_fails():
    assert 1 + 1 == 3


def test_skips():
    pytest.skip("not today")


@pytest.mark.xfail
def test_xfails():
    assert False


@pytest.mark.xfail
def test_xpasses():
    pass


def test_error(broken):
    pass


def test_error_later(broken_later):
    pass
