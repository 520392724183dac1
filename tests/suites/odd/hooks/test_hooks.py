import pytest


def test_generated(generated):
    assert generated != 1


def test_unwanted():
    raise AssertionError


def test_swallowed_error():
    raise KeyError


def test_fixture_sees_pass(sees_report):
    pass


def test_fixture_sees_fail(sees_report):
    raise AssertionError


@pytest.mark.known
def test_marked():
    pass
