import pytest


@pytest.mark.parametrize("number", range(6))
def test_number(snapshot, number):
    assert {"number": number} == snapshot


def test_differs(snapshot):
    assert "new" == snapshot
