"""What travels from workers to the template, and what it costs where nobody needs it."""

import enum
import errno
import os

import pytest

from pnl_worker import spool
from pnl_worker.need import Need

TESTS = """
def test_passes(): pass
def test_fails(): assert 0
def test_prints(): print("x")
"""

LISTENS = "def pytest_runtest_logreport(report): pass"


def spooled(controller, *arguments, conftest="", tests=(0,)):
    """The size of a worker's file of reports after these tests."""
    controller.write(test_a=TESTS, conftest=conftest)
    template, _ = controller.template(*arguments)
    worker, _ = controller.fork(template)
    worker.say("run", tests=list(tests))
    worker.say("finish")
    worker.rest()
    controller.gone(template)
    return os.path.getsize(os.path.join(controller.private.name, "gw0-1-reports"))


@pytest.mark.parametrize("arguments", [[], ["-ra"], ["-rxs", "-v"]])
def test_nothing_travels_of_tests_that_pass_where_nobody_listens(controller, arguments):
    assert spooled(controller, *arguments, tests=[0, 2]) == 0


@pytest.mark.parametrize("arguments", [["-rA"], ["-rp"], ["--durations=3"], ["--junitxml=x.xml"]])
def test_all_travels_where_something_of_passed_tests_is_shown(controller, arguments):
    assert spooled(controller, *arguments) > 0


@pytest.mark.parametrize(
    "hook",
    [
        "pytest_runtest_logreport(report)",
        "pytest_runtest_logfinish(nodeid)",
        "pytest_report_teststatus(report)",
        "pytest_terminal_summary(terminalreporter)",
        "pytest_sessionfinish(session)",
    ],
)
def test_all_travels_where_somebody_listens(controller, hook):
    assert spooled(controller, conftest=f"def {hook}: pass") > 0


def test_failures_always_travel(controller):
    assert spooled(controller, tests=[1]) > 0


class Colour(str, enum.Enum):
    RED = "red"


def test_what_cannot_travel_becomes_text():
    class Thing:
        def __str__(self):
            return "a thing"

    value = {"a": (1, None, Thing()), Colour.RED: [Colour.RED, {2.5}], b"k": True}
    frame = spool._frame((1, 0, False, [value]))
    content = spool.marshal.loads(frame[4:])
    assert content[3] == [{"a": (1, None, "a thing"), "red": ["red", [2.5]], b"k": True}]
    assert type(content[3][0]["a"]) is tuple, "pytest asserts that a skip's reason is one"


def test_a_reader_waits_for_the_rest_of_a_frame(tmp_path):
    path = tmp_path / "reports"
    frame = spool._frame((0, 7, ()))
    reader = spool.Reader(str(path))
    assert reader.read() == ([], False), "the worker has not begun"
    path.write_bytes(frame + frame[:3])
    assert reader.read() == ([(0, 7, ())], False)
    with path.open("ab") as file:
        file.write(frame[3:-1])
    assert reader.read() == ([], False), "a worker that was killed in the middle of a word"
    reader.close()
    assert not path.exists()


def test_a_kept_worker_forgets_a_round_but_for_each_attempts_first_failure(tmp_path, request):
    path = str(tmp_path / "reports")
    item = request.node
    kept = spool.Spool(request.config, path, 1, Need.ALL, frozenset())
    failed = pytest.TestReport(item.nodeid, item.location, {}, "failed", "why", "call")
    passed = pytest.TestReport(item.nodeid, item.location, {}, "passed", None, "call")
    first, second = (([failed], "failed"), 1), (([failed], "failed"), 2)
    rounds = ([first], [(([passed] * 3, "passed"), 1)], [first, second])
    for number, attempts in enumerate(rounds, 1):
        for (reports, outcome), attempt in attempts:
            kept.begin(item, attempt)
            kept.keep(0, item, outcome, reports)
        kept.next_round(number + 1)
    frames, _ = spool.Reader(path).read()
    told = [(frame[1], frame[2], *frame[4:]) for frame in frames]
    assert told == [(0, True, 1, 1), (0, True, 3, 2)], "index, failed, round, attempt"


@pytest.mark.parametrize("need, level", [(Need.ALL, "error"), (Need.NOTABLE, "warning")])
def test_a_full_disk_costs_the_reports_and_says_so_once(tmp_path, request, need, level):
    kept = spool.Spool(request.config, str(tmp_path / "reports"), 1, need, frozenset())
    os.close(kept.fd)
    kept.fd = os.open("/dev/full", os.O_WRONLY)
    failed = pytest.TestReport("t", ("", 0, ""), {}, "failed", "why", "call")
    assert kept.told_problem() is None
    for _ in range(2):
        kept.keep(0, request.node, "failed", [failed])
    told = kept.told_problem()
    assert told is not None
    assert told["level"] == level
    assert "No space left on device" in told["text"]
    assert kept.told_problem() is None
    kept.close({"a": 1})


def test_nothing_is_written_after_half_a_report(tmp_path, request, monkeypatch):
    path = tmp_path / "reports"
    kept = spool.Spool(request.config, str(path), 1, Need.ALL, frozenset())
    write = os.write

    def nearly_full(fd, data):
        if path.stat().st_size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(fd, data[:5])

    failed = pytest.TestReport("t", ("", 0, ""), {}, "failed", "why", "call")
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", nearly_full)
        kept.keep(0, request.node, "failed", [failed])
    kept.keep(0, request.node, "failed", [failed])
    assert path.stat().st_size == 5, "there is room again, but what follows would be no frame"
    assert spool.Reader(str(path)).read() == ([], False)
