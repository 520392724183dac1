import pytest
from inline_snapshot import snapshot


@pytest.mark.parametrize("number", range(6))
def test_squares(number):
    assert [n * n for n in range(4)] == snapshot([0, 1, 4, 9])


def test_differs():
    assert 1 + 1 == snapshot(3)
