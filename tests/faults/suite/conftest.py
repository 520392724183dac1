"""A suite that says what it does, and has one fault made at one place (``faulty.py``)."""

import faulty
import pytest

faulty.process()
faulty.at("start")


@pytest.fixture(scope="session", autouse=True)
def house():
    yield
    faulty.at("session")


@pytest.fixture(autouse=True)
def around(house):
    faulty.fact("begin")
    faulty.at("setup")
    faulty.fact("setup")
    yield
    faulty.at("teardown")
    faulty.fact("down")


# Hooks change how pnl goes about a suite, so there are none but where a fault wants one.
if faulty.PLAN["phase"] == "between":

    def pytest_runtest_logfinish(nodeid):
        if faulty.is_worker():  # the template replays it
            faulty.at("between", nodeid)


if faulty.PLAN["phase"] in ("exit", "end"):

    def pytest_sessionfinish():
        faulty.at("exit" if faulty.is_worker() else "end")
