import probe
import pytest


def told(name, scope):
    @pytest.fixture(scope=scope, name=name)
    def fixture():
        probe.log(probe.worker(), name, "up")
        yield name
        probe.log(probe.worker(), name, "down")

    return fixture


session = told("session", "session")
other_session = told("other_session", "session")
package = told("package", "package")
module = told("module", "module")
klass = told("klass", "class")
function = told("function", "function")


@pytest.fixture(scope="session", autouse=True)
def always(session):
    probe.log(probe.worker(), "always", "up")
    yield
    probe.log(probe.worker(), "always", "down")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    probe.log(probe.worker(), "test", item.nodeid)
    return (yield)


def pytest_sessionfinish():
    probe.log(probe.worker(), "session", "finished")
