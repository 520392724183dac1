"""A conftest that reruns failed tests, as the plugins that users have do it."""

RERUN_PLUGIN = """
import pytest
from _pytest.runner import runtestprotocol


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    # As pytest-rerunfailures does it: the failed phase is announced as "rerun", the rest is not.
    for attempt in range(3):
        again = False
        for report in runtestprotocol(item, nextitem=nextitem, log=False):
            if report.failed and attempt < 2:
                report.outcome = "rerun"
                again = True
            item.ihook.pytest_runtest_logreport(report=report)
            if again:
                break
        if not again:
            return True
"""
