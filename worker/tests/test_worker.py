"""A spawned worker against a fake controller: the loop between messages and pytest."""

import os
import signal

import pytest

from pnl_worker import wire

DIARY = """
import os, pytest

def note(text):
    with open("diary.txt", "a") as file:
        file.write(text + "\\n")

def pytest_runtest_protocol(item, nextitem):
    note(f"{item.name} then {getattr(nextitem, 'name', None)}")

@pytest.fixture(scope="session", autouse=True)
def session_fixture():
    note("session up")
    yield
    note("session down")

@pytest.fixture(scope="module", autouse=True)
def module_fixture(request):
    note(f"{request.module.__name__} up")
    yield
    note(f"{request.module.__name__} down")
"""

FOUR = {
    "test_a": "def test_1(): pass\ndef test_2(): pass",
    "test_b": "def test_3(): pass\ndef test_4(): pass",
}


@pytest.fixture
def suite(controller):
    """The suite's folder, with a conftest that writes a diary."""
    controller.write(conftest=DIARY, **FOUR)
    return controller.suite


def diary(suite):
    return (suite / "diary.txt").read_text().splitlines()


def kinds(messages):
    return [(message["t"], message.get("i")) for message in messages]


def test_a_test_starts_when_its_successor_is_known(controller, suite):
    peer, ids = controller.spawned()
    assert ids == [
        "test_a.py::test_1",
        "test_a.py::test_2",
        "test_b.py::test_3",
        "test_b.py::test_4",
    ]
    peer.say("run", tests=[0])
    peer.say("run", tests=[1])
    assert kinds([peer.next()]) == [("start", 0)]
    # Its end travels with the next one's beginning, or before the worker waits.
    assert kinds([peer.next()]) == [("done", 0)]
    peer.say("run", tests=[3])
    assert kinds([peer.next(), peer.next()]) == [("start", 1), ("done", 1)]
    peer.say("finish")
    assert kinds(peer.rest()) == [("start", 3), ("done", 3), ("bye", None)]
    assert diary(suite) == [
        "test_1 then test_2",
        "session up",
        "test_a up",
        "test_2 then test_4",
        "test_a down",
        "test_4 then None",
        "test_b up",
        "test_b down",
        "session down",
    ]


def test_done_says_what_start_said(controller, suite):
    before = wire.now_us()
    peer, _ = controller.spawned()
    peer.say("run", tests=[0])
    peer.say("finish")
    start, done, bye = peer.rest()
    assert set(start) == {"t", "i", "at"}
    assert before < start["at"] < wire.now_us()
    assert done == {
        "t": "done",
        "i": 0,
        "start": start["at"],
        "outcome": "passed",
        "phases": done["phases"],
    }
    assert bye == {"t": "bye"}


def test_finish_without_tests_runs_none(controller, suite):
    peer, _ = controller.spawned()
    peer.say("finish")
    assert kinds(peer.rest()) == [("bye", None)]
    assert not (suite / "diary.txt").exists()


def test_a_pause_tears_down_all_but_session_fixtures(controller, suite):
    peer, _ = controller.spawned()
    peer.say("run", tests=[0])
    peer.say("pause")
    assert kinds([peer.next(), peer.next()]) == [("start", 0), ("done", 0)]
    assert diary(suite) == [
        "test_1 then pnl-round-boundary",
        "session up",
        "test_a up",
        "test_a down",
    ]
    peer.say("run", tests=[0, 1])
    peer.say("finish")
    ends = peer.rest()
    assert kinds(ends) == [("start", 0), ("done", 0), ("start", 1), ("done", 1), ("bye", None)]
    assert diary(suite)[4:] == [
        "test_1 then test_2",
        "test_a up",
        "test_2 then None",
        "test_a down",
        "session down",
    ]


def test_drop_forgets_what_has_not_started(controller, suite):
    peer, _ = controller.spawned()
    # What comes in one go is taken in one go: the first does not start before the drop is seen.
    frames = [{"t": "run", "tests": [0, 1, 2]}, {"t": "drop"}, {"t": "run", "tests": [3]}]
    peer.stream.sendall(b"".join(wire.encode(frame) for frame in frames))
    peer.say("finish")
    assert kinds(peer.rest()) == [("start", 3), ("done", 3), ("bye", None)]


def test_the_end_of_the_conversation_is_a_finish(controller, suite):
    """The controller was killed: tear-downs still happen."""
    process = controller.start("worker")
    peer = controller.accept("worker")
    peer.collected()
    peer.say("run", tests=[0, 1])
    peer.expect("start")
    peer.stream.close()
    _, status = controller.output(process)
    assert status == 0
    assert diary(suite)[-2:] == ["test_a down", "session down"]


def test_what_is_no_message_for_a_worker_ends_it(controller, suite):
    process = controller.start("worker")
    peer = controller.accept("worker")
    peer.collected()
    peer.say("shutdown")
    output, status = controller.output(process)
    assert status == 3
    assert "a worker does not know the message 'shutdown'" in output


def test_ctrl_c_during_a_test_tears_down_and_gives_it_no_other_outcome(controller, suite):
    controller.write(
        test_a="""
        import signal, pytest
        from conftest import note

        @pytest.fixture
        def resource():
            yield
            note("resource down")

        def test_waits(resource):
            open("running", "w").close()
            signal.pause()

        def test_next():
            pass
        """
    )
    os.mkfifo(suite / "running")
    peer, _ = controller.spawned("test_a.py")
    peer.say("run", tests=[0, 1])
    peer.expect("start")
    open(suite / "running").close()  # opens when the test opens its end
    os.kill(peer.hello["pid"], signal.SIGINT)
    assert kinds(peer.rest()) == [("interrupted", 0), ("stop", None), ("bye", None)]
    assert diary(suite)[-3:] == ["resource down", "test_a down", "session down"]


def test_ctrl_c_between_tests_loses_no_outcome(controller, suite):
    """Interrupted while its outcome was made up, a test that had passed was counted as crashed."""
    controller.write(
        conftest=DIARY
        + """
import signal
from pnl_worker import outcome

def interrupted(*arguments, summarise=outcome.summarise):
    os.kill(os.getpid(), signal.SIGINT)
    return summarise(*arguments)

outcome.summarise = interrupted
"""
    )
    peer, _ = controller.spawned("test_a.py")
    peer.say("run", tests=[0, 1])
    assert kinds([peer.next()]) == [("start", 0)]
    peer.say("drop")
    peer.say("finish")
    assert kinds(peer.rest()) == [("done", 0), ("bye", None)]
    assert diary(suite)[-2:] == ["test_a down", "session down"]


def test_a_suites_own_handler_of_ctrl_c_stays(controller, suite):
    controller.write(
        test_a="""
        import os, signal

        def test_sets():
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
            signal.signal(signal.SIGINT, lambda *_: None)

        def test_uses():
            os.kill(os.getpid(), signal.SIGINT)
        """
    )
    peer, _ = controller.spawned("test_a.py")
    peer.say("run", tests=[0, 1])
    peer.say("finish")
    messages = peer.rest()
    assert [m.get("outcome") for m in messages if m["t"] == "done"] == ["passed", "passed"]


def test_a_second_ctrl_c_does_not_cut_tear_downs_short(controller, suite):
    controller.write(
        test_a="""
        import os, signal, pytest
        from conftest import note

        @pytest.fixture
        def resource():
            yield
            os.kill(os.getpid(), signal.SIGINT)
            note("resource down")

        def test_interrupts_itself(resource):
            os.kill(os.getpid(), signal.SIGINT)
            signal.pause()
        """
    )
    peer, _ = controller.spawned("test_a.py")
    peer.say("run", tests=[0])
    peer.say("finish")
    assert kinds(peer.rest())[1:] == [("interrupted", 0), ("stop", None), ("bye", None)]
    assert "resource down" in diary(suite)


def test_pytest_exit_stops_with_its_words_and_code(controller, suite):
    controller.write(
        test_a="""
        import pytest

        def test_gives_up():
            pytest.exit("no database", returncode=7)

        def test_next():
            pass
        """
    )
    peer, _ = controller.spawned("test_a.py")
    peer.say("run", tests=[0, 1])
    start, interrupted, stop, bye = peer.rest()
    assert kinds([start, interrupted, bye]) == [("start", 0), ("interrupted", 0), ("bye", None)]
    assert stop == {"t": "stop", "message": "no database", "code": 7}
    assert diary(suite)[-2:] == ["test_a down", "session down"]


@pytest.mark.parametrize(("wish", "code"), [("shouldstop", 2), ("shouldfail", 1)])
def test_a_plugins_wish_to_stop_is_told_and_nothing_more_starts(controller, suite, wish, code):
    controller.write(
        conftest=f"""
        def pytest_runtest_logreport(report):
            if report.when == "call" and "test_1" in report.nodeid:
                SESSION.{wish} = "I have seen enough"

        def pytest_sessionstart(session):
            global SESSION
            SESSION = session
        """
    )
    # As an error a warning would end the worker: pytest 8 warns when a wish is taken back.
    peer, _ = controller.spawned("-W", "error")
    peer.say("run", tests=[0, 1, 2])
    messages = peer.rest()
    assert kinds(messages) == [
        *[("start", 0), ("done", 0), ("stop", None), ("bye", None)],
    ]
    assert messages[2] == {"t": "stop", "message": "I have seen enough", "code": code}


def test_failures_are_counted_by_the_controller(controller, suite):
    controller.write(test_a="def test_1(): assert 0\ndef test_2(): assert 0")
    process = controller.start("worker", "-x", "test_a.py")
    peer = controller.accept("worker")
    _, ready = peer.collected()
    assert ready["maxfail"] == 1
    peer.say("run", tests=[0, 1])
    peer.say("finish")
    assert kinds(peer.rest()) == [
        *[("start", 0), ("done", 0), ("start", 1), ("done", 1)],
        ("bye", None),
    ]
    controller.output(process)


def test_a_tear_down_of_the_session_that_fails_is_the_last_tests_error(controller, suite):
    controller.write(
        conftest="""
        import pytest

        @pytest.fixture(scope="session", autouse=True)
        def broken():
            yield
            raise RuntimeError("the browser is gone")
        """
    )
    peer, _ = controller.spawned()
    peer.say("run", tests=[0])
    peer.say("finish")
    _, done, bye = peer.rest()
    assert done["outcome"] == "error"
    assert done["failure"]["message"] == "RuntimeError: the browser is gone"
    assert bye == {"t": "bye"}


def test_ready_describes_the_session(controller):
    controller.write(
        test_a="""
        import pytest

        @pytest.mark.xdist_group("one")
        def test_1(): pass

        @pytest.mark.parametrize("value", ["é ✓", "a@b"], ids=str)
        def test_2(value): pass
        """
    )
    (controller.suite / "pytest.ini").write_text(
        "[pytest]\naddopts = --strict-markers\n"
        "disable_test_id_escaping_and_forfeit_all_rights_to_community_support = true\n"
    )
    controller.start("worker", "--capture=sys", "--maxfail=3", worker="gw1", slot=1, workers=2)
    peer = controller.accept("worker")
    tests = peer.expect("tests")
    assert tests["tests"] == [
        {"id": "test_a.py::test_1", "line": 3, "group": "one"},
        {"id": "test_a.py::test_2[é ✓]", "line": 6},
        {"id": "test_a.py::test_2[a@b]", "line": 6},
    ]
    assert peer.expect("ready") == {
        "t": "ready",
        "count": 3,
        "rootdir": str(controller.suite),
        "capture": "sys",
        "maxfail": 3,
        "collect_errors": 0,
        "threads": [],
    }


def test_the_suite_sees_xdists_names_and_nothing_of_pnl(controller):
    controller.write(
        test_a="""
        import json, os, sys

        def test_what_is_seen(worker_id, testrun_uid, request, tmp_path):
            seen = {name: value for name, value in os.environ.items() if "XDIST" in name}
            seen["fixtures"] = [worker_id, testrun_uid]
            seen["workerinput"] = request.config.workerinput["workerid"]
            seen["tmp"] = list(tmp_path.parts[-4:])
            hidden = ["PNL_SESSION", "PYTEST_PLUGINS", "PYTHONPATH"]
            seen["traces"] = [name for name in hidden if name in os.environ]
            seen["path"] = [p for p in sys.path if os.path.isdir(os.path.join(p, "pnl_worker"))]
            with open("seen.json", "w") as file:
                json.dump(seen, file)
        """
    )
    peer, _ = controller.spawned(worker="gw1", slot=1, workers=2, round=3)
    peer.say("run", tests=[0])
    peer.say("finish")
    assert kinds(peer.rest())[1:] == [("done", 0), ("bye", None)]
    run = "20260102-030405-aaaaaa"
    import json

    assert json.loads((controller.suite / "seen.json").read_text()) == {
        "PYTEST_XDIST_WORKER": "gw1",
        "PYTEST_XDIST_WORKER_COUNT": "2",
        "PYTEST_XDIST_TESTRUNUID": run,
        "fixtures": ["gw1", run],
        "workerinput": "gw1",
        "tmp": [f"pnl-{run}", "round-3", "popen-gw1", "test_what_is_seen0"],
        "traces": [],
        "path": [],
    }


@pytest.mark.parametrize(
    ("arguments", "status"),
    [(["--collect-only"], 0), (["-k", "nothing"], 5), (["no_such_file.py"], 4)],
    ids=["collect-only", "nothing-collected", "usage"],
)
def test_without_tests_to_run_pytest_ends_as_ever(controller, suite, arguments, status):
    process = controller.start("worker", *arguments)
    peer = controller.accept("worker")
    assert peer.rest() == []
    assert controller.output(process)[1] == status


def test_a_collection_error_is_pytests_own(controller, suite):
    controller.write(test_b="import no_such_module")
    process = controller.start("worker")
    peer = controller.accept("worker")
    assert peer.rest() == []
    output, status = controller.output(process)
    assert status == 2
    assert "1 error" in output and "no_such_module" in output


def test_collection_errors_may_pass(controller, suite):
    controller.write(test_b="import no_such_module")
    controller.start("worker", "--continue-on-collection-errors")
    ids, ready = controller.accept("worker").collected()
    assert ids == ["test_a.py::test_1", "test_a.py::test_2"]
    assert ready["collect_errors"] == 1
