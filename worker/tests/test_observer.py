"""An observer under plain pytest and under a real pytest-xdist."""

import os
import signal
from collections import Counter
from types import SimpleNamespace

import pytest
from reruns import RERUN_PLUGIN

from pnl_worker import observer, wire

SUITE = {
    "test_a": """
        import pytest

        @pytest.mark.parametrize("value", range(4))
        def test_passes(value): pass

        def test_fails(): assert 0, "as expected"

        @pytest.fixture
        def broken():
            yield
            raise RuntimeError("late")

        def test_errs(broken): pass
        """,
    "test_b": """
        import pytest

        @pytest.mark.skip(reason="not today")
        def test_skipped(): pass

        @pytest.mark.xfail
        def test_xfails(): assert 0

        @pytest.mark.xdist_group("one")
        def test_grouped(): pass

        @pytest.mark.xdist_group("one")
        @pytest.mark.parametrize("value", ["a@b"])
        def test_grouped_with_value(value): pass
        """,
}
OUTCOMES = {
    "test_a.py::test_passes[0]": "passed",
    "test_a.py::test_passes[1]": "passed",
    "test_a.py::test_passes[2]": "passed",
    "test_a.py::test_passes[3]": "passed",
    "test_a.py::test_fails": "failed",
    "test_a.py::test_errs": "error",
    "test_b.py::test_skipped": "skipped",
    "test_b.py::test_xfails": "xfailed",
    "test_b.py::test_grouped": "passed",
    "test_b.py::test_grouped_with_value[a@b]": "passed",
}


def observe(controller, *arguments):
    """All that an observer says, and pytest's exit status."""
    process = controller.start("observer", *arguments)
    peer = controller.accept("observer")
    messages = peer.rest()
    _, status = controller.output(process)
    return messages, status


def rows_of(messages):
    return [row for message in messages if message["t"] == "tests" for row in message["tests"]]


def check_pairs(messages):
    """Each test starts once, then is done once, on one worker; the last word is bye."""
    running = {}
    for message in messages:
        key = (message.get("worker"), message.get("i"))
        if message["t"] == "start":
            assert key not in running
            running[key] = message
        elif message["t"] == "done":
            assert running.pop(key)["at"] <= wire.now_us()
    assert running == {}
    assert messages[-1] == {"t": "bye"}


def outcomes(messages):
    rows = rows_of(messages)
    done = [message for message in messages if message["t"] == "done"]
    ids = [rows[message["i"]]["id"] for message in done]
    assert max(Counter(ids).values()) == 1, "each test is reported once"
    return dict(zip(ids, (message["outcome"] for message in done)))


def test_plain_pytest(controller):
    controller.write(**SUITE)
    messages, status = observe(controller)
    assert status == 1
    check_pairs(messages)
    assert outcomes(messages) == OUTCOMES
    assert {message["worker"] for message in messages if "worker" in message} == {""}
    rows = rows_of(messages)
    assert rows[0] == {"id": "test_a.py::test_passes[0]", "line": 3}
    assert rows[-2]["group"] == "one"
    (ready,) = [message for message in messages if message["t"] == "ready"]
    assert ready["count"] == len(OUTCOMES)
    # Started when it began, not when its first phase was over.
    kinds = [message["t"] for message in messages]
    assert kinds == ["tests", "ready", *["start", "done"] * len(OUTCOMES), "bye"]


@pytest.mark.parametrize("dist", ["load", "loadgroup"])
def test_under_xdist(controller, dist):
    pytest.importorskip("xdist")
    controller.write(**SUITE)
    messages, status = observe(controller, "-p", "xdist.plugin", "-n", "2", "--dist", dist)
    assert status == 1
    check_pairs(messages)
    assert outcomes(messages) == OUTCOMES
    workers = {message["worker"] for message in messages if "worker" in message}
    assert workers <= {"gw0", "gw1"} and workers
    failed = next(message for message in messages if message.get("outcome") == "failed")
    assert failed["failure"]["message"] == "AssertionError: as expected"
    assert failed["failure"]["path"] == "test_a.py"


def test_each_runs_each_test_on_each_worker(controller):
    pytest.importorskip("xdist")
    controller.write(test_a="def test_1(): pass\ndef test_2(): pass")
    messages, _ = observe(controller, "-p", "xdist.plugin", "-n", "2", "--dist", "each")
    check_pairs(messages)
    done = Counter((m["worker"], m["i"]) for m in messages if m["t"] == "done")
    assert done == {(worker, i): 1 for worker in ("gw0", "gw1") for i in (0, 1)}
    assert len(rows_of(messages)) == 2, "the list is told once"


def test_a_worker_of_xdist_that_dies_crashes_its_test(controller):
    pytest.importorskip("xdist")
    controller.write(
        test_a="""
        import os

        def test_dies(): os._exit(9)
        def test_lives(): pass
        """
    )
    messages, status = observe(controller, "-p", "xdist.plugin", "-n", "1")
    assert status == 1
    check_pairs(messages)
    assert outcomes(messages) == {
        "test_a.py::test_dies": "crashed",
        "test_a.py::test_lives": "passed",
    }


@pytest.mark.parametrize("plugin", ["as-others-do", "pytest_rerunfailures"])
def test_reruns_are_one_execution(controller, plugin):
    arguments = []
    if plugin == "pytest_rerunfailures":
        pytest.importorskip(plugin)
        arguments = ["-p", plugin, "--reruns", "2"]
    else:
        controller.write(conftest=RERUN_PLUGIN)
    controller.write(
        test_a="""
        import pytest
        attempts = {"test": 0, "teardown": 0}

        def attempt(name, good):
            attempts[name] += 1
            assert attempts[name] == good

        @pytest.fixture
        def late():
            yield
            attempt("teardown", 2)

        def test_flaky():
            attempt("test", 3)

        def test_flaky_teardown(late):
            pass
        """
    )
    messages, status = observe(controller, *arguments)
    assert status == 0
    check_pairs(messages)
    assert outcomes(messages) == {
        "test_a.py::test_flaky": "passed",
        "test_a.py::test_flaky_teardown": "passed",
    }


def test_the_same_id_twice_is_two_tests(controller):
    controller.write(test_a="def test_1(): pass")
    messages, _ = observe(controller, "--keep-duplicates", "test_a.py", "test_a.py")
    check_pairs(messages)
    assert [m["i"] for m in messages if m["t"] == "done"] == [0, 1]


def test_ctrl_c_interrupts_the_running_test(controller):
    controller.write(
        test_a="""
        import signal

        def test_waits():
            open("running", "w").close()
            signal.pause()
        """
    )
    os.mkfifo(controller.suite / "running")
    process = controller.start("observer")
    peer = controller.accept("observer")
    peer.collected()
    peer.expect("start")
    open(controller.suite / "running").close()
    os.kill(process.pid, signal.SIGINT)
    assert peer.rest() == [{"t": "interrupted", "i": 0, "worker": ""}, {"t": "bye"}]
    assert controller.output(process)[1] == 2


@pytest.mark.parametrize(
    ("arguments", "status"), [(["--collect-only"], 0), (["-k", "nothing"], 5)], ids=["list", "none"]
)
def test_where_nothing_runs_there_is_no_list(controller, arguments, status):
    controller.write(**SUITE)
    assert observe(controller, *arguments) == ([{"t": "bye"}], status)


@pytest.mark.parametrize(
    ("nodeid", "plain"),
    [
        ("a.py::test_1@one", "a.py::test_1"),
        ("a.py::test_1[x@y]", "a.py::test_1[x@y]"),
        ("a.py::test_1[x@y]@one", "a.py::test_1[x@y]"),
        ("a.py::test_1", "a.py::test_1"),
        ("@home/a.py::test_1", "@home/a.py::test_1"),
        ("@home/a.py::test_1@one", "@home/a.py::test_1"),
    ],
)
def test_loadgroups_suffix_is_no_part_of_a_node_id(nodeid, plain):
    def watching(dist):
        option = SimpleNamespace(dist=dist)
        return observer.Observer(SimpleNamespace(option=option, rootpath="/"), connection=None)

    assert watching("loadgroup")._plain(nodeid) == plain
    assert watching("load")._plain(nodeid) == nodeid
