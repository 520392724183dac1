import pytest


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when == "call" and "turned" in item.name:
        report.outcome = "passed" if report.failed else "failed"
        report.longrepr = None if report.passed else "turned"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem):
    result = yield
    return result


def pytest_runtest_logreport(report):
    report.seen = True


def pytest_report_teststatus(report, config):
    if "odd_status" in report.nodeid and report.when == "call":
        return "odd", "O", "ODD"


def pytest_itemcollected(item):
    if "renamed" in item.name:
        item._nodeid = item.nodeid + " (renamed)"
