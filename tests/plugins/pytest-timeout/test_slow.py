import time

import pytest


@pytest.mark.parametrize("number", range(6))
def test_quick(number):
    pass


@pytest.mark.timeout(0.5)
def test_too_slow():
    time.sleep(60)


@pytest.mark.timeout(0.5, func_only=True)
@pytest.mark.xfail
def test_too_slow_as_expected():
    time.sleep(60)
