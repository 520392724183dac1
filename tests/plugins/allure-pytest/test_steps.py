import os
import signal

import allure
import pytest


@pytest.mark.parametrize("number", range(12))
def test_steps(number):
    with allure.step("one"):
        allure.attach(str(number), name="number")


def test_fails():
    with allure.step("fails"):
        assert False


def test_that_kills_its_worker():
    if "PYTEST_XDIST_WORKER" in os.environ:
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("number", range(12))
def test_after(number):
    pass
