import pytest


@pytest.mark.parametrize("number", range(6))
def test_sum(benchmark, number):
    assert benchmark(sum, range(number)) == sum(range(number))


def test_without():
    pass
