"""A plugin that listens to reports in the template, and has a word at the session's end."""

pytest_plugins = ["test_replayed"]
heard = []


def pytest_runtest_logreport(report):
    if report.when == "call":
        heard.append((report.nodeid, report.outcome))


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"heard of {heard}")


def test_passes():
    assert not heard
