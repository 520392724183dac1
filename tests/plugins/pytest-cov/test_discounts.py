import os
import signal

import pytest

from pricing.discounts import discount


@pytest.mark.parametrize(
    ("kind", "price"), [("member", 90), ("sale", 50), ("staff", 70), ("guest", 100)]
)
def test_discount(kind, price):
    assert discount(100, kind) == price


def test_that_may_kill_its_worker():
    if "KILL" in os.environ and "PYTEST_XDIST_WORKER" in os.environ:
        os.kill(os.getpid(), signal.SIGKILL)
