import pytest


def pytest_generate_tests(metafunc):
    if "generated" in metafunc.fixturenames:
        metafunc.parametrize("generated", range(3))


def pytest_collection_modifyitems(items):
    items[:] = [item for item in items if "unwanted" not in item.name]
    items.reverse()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    setattr(item, "report_" + report.when, report)
    report.extra = ["by the wrapper"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    try:
        return (yield)
    except KeyError:
        return None


@pytest.fixture
def sees_report(request):
    yield
    assert request.node.report_call.passed, "the fixture sees the call's report"
