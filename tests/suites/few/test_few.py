import pytest


def test_a():
    pass


def test_b():
    assert 1 == 2


@pytest.mark.parametrize("text", ["p", "q::r", "s[t]"])
def test_c(text):
    pass


class TestD:
    def test_d(self):
        print("out")
        raise AssertionError
