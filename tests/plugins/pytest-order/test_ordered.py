import pytest

seen = []


@pytest.mark.order(3)
def test_third():
    seen.append(3)


@pytest.mark.order(1)
def test_first():
    seen.append(1)


@pytest.mark.order(after="test_first")
def test_second():
    seen.append(2)


def test_unordered():
    pass
