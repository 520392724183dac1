"""A template against a fake controller: forks, their ends, and what a fork is on its own."""

import os
import signal
from pathlib import Path

import pytest

from pnl_worker import listing

CRASHES = """
import os, signal

def test_exits(): os._exit(9)
def test_aborts(): os.abort()
def test_passes(): pass
"""


def run(worker, *tests):
    """Lets a worker run tests to its end; its done messages by position."""
    worker.say("run", tests=list(tests))
    worker.say("finish")
    return {message["i"]: message for message in worker.rest() if message["t"] == "done"}


def test_a_fork_runs_tests_and_its_end_is_told(controller):
    controller.write(test_a=CRASHES)
    process = controller.start("template")
    template = controller.accept("template")
    ids, _ = template.collected()
    worker, output = controller.fork(template, worker="gw0")
    assert template.hello["worker"] == ""
    assert worker.hello["worker"] == "gw0"
    done = run(worker, ids.index("test_a.py::test_passes"))
    assert [message["outcome"] for message in done.values()] == ["passed"]
    pid = worker.hello["pid"]
    assert controller.gone(template) == {"t": "gone", "pid": pid, "exit": 0}
    with output:
        assert output.read() == "", "a worker that is heard has nothing to print"
    template.say("shutdown")
    assert template.rest() == []
    assert controller.output(process)[1] == 0


def test_whoever_asks_the_garbage_collector_finds_the_template_s_objects_too(controller):
    controller.write(
        test_a="""
        import gc
        from gc import get_objects

        class Owner: pass
        OWNED = []
        OWNER = Owner()
        OWNER.owned = OWNED

        def test_nothing_is_frozen():
            assert gc.get_freeze_count() == 0

        def test_referrers():
            assert len(gc.get_referrers(OWNED)) == 2

        def test_objects():
            assert any(found is OWNED for found in get_objects())

        def test_garbage():
            global CYCLE
            freed = []
            CYCLE[0].freed = freed
            del CYCLE
            gc.collect()
            assert freed == ["once"]

        class Freed:
            def __del__(self): self.freed.append("once")
        CYCLE = [Freed()]
        CYCLE[0].cycle = CYCLE
        """
    )
    template, ids = controller.template()
    for position, name in enumerate(ids):
        worker, output = controller.fork(template)
        assert [m["outcome"] for m in run(worker, position).values()] == ["passed"], name
        output.close()
        controller.gone(template)


def test_a_worker_ends_the_processes_of_pools_that_tests_leave_open(controller):
    # They hold copies of its connection and of its output: nobody would see them end.
    controller.write(
        test_a="""
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor

        POOLS = []

        def test_executor():
            POOLS.append(ProcessPoolExecutor(1, multiprocessing.get_context("fork")))
            assert POOLS[-1].submit(int).result() == 0

        def test_pool():
            POOLS.append(multiprocessing.get_context("fork").Pool(1))
            assert POOLS[-1].apply(int) == 0
        """
    )
    template, ids = controller.template()
    for position, name in enumerate(ids):
        worker, output = controller.fork(template)
        assert [m["outcome"] for m in run(worker, position).values()] == ["passed"], name
        controller.gone(template)
        with output:
            assert output.read() == ""


def test_warnings_that_are_errors_find_nothing_in_a_template_that_ends(controller):
    # pytest 9.2 collects garbage while the suite's filters are still in force.
    controller.write(test_a="def test_passes(): pass")
    process = controller.start("template", "-W", "error")
    template = controller.accept("template")
    template.collected()
    worker, _ = controller.fork(template)
    assert [message["outcome"] for message in run(worker, 0).values()] == ["passed"]
    assert controller.gone(template)["exit"] == 0
    template.say("shutdown")
    assert template.rest() == []
    output, status = controller.output(process)
    assert status == 0, output


def test_a_test_whose_permit_was_taken_is_neither_started_nor_next(controller):
    controller.write(test_a="def test_0(): pass\ndef test_1(): pass\ndef test_2(): pass")
    template, _ = controller.template()
    read, write = os.pipe()
    os.set_blocking(read, False)
    worker, _ = controller.fork(template, permits=read)
    os.write(write, b"\0\0\0")
    assert os.read(read, 1) == b"\0", "the controller was first"
    worker.say("run", tests=[0, 1, 2])
    # 0 runs, with 1 for its next; 1 must wait, for its own next is not sure to come.
    assert [worker.next()["t"] for _ in range(2)] == ["start", "done"]
    worker.say("take-back", count=1)
    worker.say("finish")
    said = [(message["t"], message.get("i")) for message in worker.rest()]
    assert said == [("start", 1), ("done", 1), ("bye", None)]
    os.close(read)
    os.close(write)


def test_a_new_permit_is_not_for_a_test_that_was_taken_back(controller):
    """It once was: 0 ran with 1 for its next, which was gone, and 2 found 0's module set up."""
    controller.write(test_a="def test_0(): pass\ndef test_1(): pass", test_b="def test_2(): pass")
    template, _ = controller.template()
    read, write = os.pipe()
    os.set_blocking(read, False)
    worker, _ = controller.fork(template, permits=read)
    # Two were given, the second was taken back, and another one was given.
    os.write(write, b"\0\1")
    worker.say("run", tests=[0, 1])
    worker.say("take-back", count=1)
    worker.say("run", tests=[2])
    worker.say("finish")
    ends = [message for message in worker.rest() if message["t"] == "done"]
    assert [(end["i"], end["outcome"]) for end in ends] == [(0, "passed"), (2, "passed")]
    os.close(read)
    os.close(write)


@pytest.mark.parametrize(
    ("test", "how"),
    [("exits", {"exit": 9}), ("aborts", {"signal": signal.SIGABRT})],
)
def test_a_worker_that_dies_is_told_with_its_status_and_replaced(controller, test, how):
    controller.write(test_a=CRASHES)
    template, ids = controller.template()
    worker, output = controller.fork(template, worker="gw0")
    worker.say("run", tests=[ids.index(f"test_a.py::test_{test}")])
    worker.say("finish")
    assert [message["t"] for message in worker.rest()] == ["start"]
    assert controller.gone(template) == {"t": "gone", "pid": worker.hello["pid"], **how}
    with output:
        written = output.read()
    if test == "aborts":
        assert "Fatal Python error: Aborted" in written, "faulthandler's dump comes to the pipe"
    replacement, _ = controller.fork(template, worker="gw1")
    assert run(replacement, 2)[2]["outcome"] == "passed"
    assert controller.gone(template)["exit"] == 0


def test_forks_know_nothing_of_each_other(controller):
    controller.write(
        test_a="""
        state = []

        def test_adds(worker_id):
            state.append(worker_id)
            assert state == [worker_id]
        """
    )
    template, _ = controller.template()
    workers = [
        controller.fork(template, worker=name, slot=slot, workers=2)[0]
        for slot, name in enumerate(["gw0", "gw1"])
    ]
    for worker in workers:
        assert run(worker, 0)[0]["outcome"] == "passed"
    assert [controller.gone(template)["exit"] for _ in workers] == [0, 0]


def test_a_killed_template_leaves_its_workers_running(controller):
    controller.write(test_a=CRASHES)
    template, _ = controller.template()
    worker, _ = controller.fork(template)
    os.kill(template.hello["pid"], signal.SIGKILL)
    assert template.rest() == []
    assert run(worker, 2)[2]["outcome"] == "passed"
    controller.children.clear()


def test_a_template_whose_controller_is_gone_ends(controller):
    controller.write(test_a=CRASHES)
    process = controller.start("template")
    template = controller.accept("template")
    template.expect("tests")
    template.stream.close()
    assert controller.output(process)[1] == 0


def test_what_is_no_message_for_a_template_ends_it(controller):
    controller.write(test_a=CRASHES)
    process = controller.start("template")
    template = controller.accept("template")
    template.collected()
    template.say("finish")
    output, status = controller.output(process)
    assert status == 3
    assert "the template does not know 'finish'" in output


def test_threads_that_a_fork_would_lose_are_named(controller):
    controller.write(
        test_a="""
        import threading
        threading.Thread(target=threading.Event().wait, name="poller", daemon=True).start()

        def test_1(): pass
        """
    )
    controller.start("template")
    _, ready = controller.accept("template").collected()
    assert [it.split(",")[0] for it in ready["threads"]] == ["poller"]


def test_a_suites_own_children_are_not_the_templates_to_reap(controller):
    controller.write(
        conftest="""
        import os, subprocess, sys

        child = subprocess.Popen([sys.executable, "-c", "raise SystemExit(7)"])
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and waits

        def pytest_unconfigure():
            print("the child's status:", child.wait())
        """,
        test_a="def test_1(): pass",
    )
    process = controller.start("template")
    template = controller.accept("template")
    template.collected()
    worker, _ = controller.fork(template)
    run(worker, 0)
    assert controller.gone(template) == {"t": "gone", "pid": worker.hello["pid"], "exit": 0}
    template.say("shutdown")
    assert "the child's status: 7" in controller.output(process)[0]


def test_a_fork_is_a_process_of_its_own(controller):
    controller.write(
        test_a="""
        import atexit, os, signal

        atexit.register(print, "the template's end")
        handler = signal.getsignal(signal.SIGCHLD)

        def test_process(request):
            assert os.getpgrp() == os.getpid()
            assert os.read(0, 1) == b""
            assert signal.getsignal(signal.SIGCHLD) == handler == signal.SIG_DFL
            assert signal.set_wakeup_fd(-1) == -1
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
            assert request.config.pluginmanager.getplugin("terminalreporter") is not None
            atexit.register(os.write, 1, b"the worker's end")
        """
    )
    template, _ = controller.template()
    worker, output = controller.fork(template)
    done = run(worker, 0)[0]
    assert done["outcome"] == "passed", done["failure"]["text"]
    controller.gone(template)
    with output:
        assert output.read() == "the worker's end"


def test_rounds_are_forked_anew_and_old_folders_pruned(controller):
    controller.write(
        test_a="""
        def test_1(tmp_path):
            (tmp_path / "file").touch()
        """
    )
    template, _ = controller.template()
    for number in range(1, 6):
        worker, _ = controller.fork(template, round=number, prune=True)
        assert run(worker, 0)[0]["outcome"] == "passed"
        controller.gone(template)
    (run_folder,) = Path(controller.private.name).glob("pytest-of-*/pnl-*")
    assert sorted(os.listdir(run_folder)) == ["round-3", "round-4", "round-5"]


# Two workers take turns line by line, so that what one writes lies between what the other does.
TURNS = """
import logging, os, sys

handler = logging.StreamHandler()  # takes today's sys.stderr
early = sys.stdout
log = logging.getLogger("early")
log.addHandler(handler)
log.propagate = False


def turns(worker_id, talk):
    first = worker_id == "gw0"
    ends = [("to-gw1", "w"), ("to-gw0", "r")] if first else [("to-gw1", "r"), ("to-gw0", "w")]
    files = {mode: open(name, mode + "b", buffering=0) for name, mode in ends}
    for line in range(50):
        if not first:
            files["r"].read(1)
        talk(f"{worker_id} {line}")
        files["w"].write(b".")
        if first:
            files["r"].read(1)


def talk(text):
    print("print", text)
    os.write(1, f"write {text}\\n".encode())
    print("early", text, file=early)
    print("error", text, file=sys.stderr)
    log.warning("logged %s", text)


def test_talks(worker_id):
    turns(worker_id, talk)
    assert False, "show it"
"""

CAPTURED = {
    "fd": {"print", "write", "early", "error", "logged"},
    "sys": {"print", "early", "error", "logged"},
    "tee-sys": {"print", "early", "error", "logged"},
    "no": set(),
}
IN_THE_PIPE = {
    "fd": set(),
    "sys": {"write"},
    "tee-sys": {"print", "write", "early", "error", "logged"},
    "no": {"print", "write", "early", "error", "logged"},
}


@pytest.mark.parametrize("capture", ["fd", "sys", "tee-sys", "no"])
def test_what_two_workers_write_at_the_same_time_does_not_mix(controller, capture):
    controller.write(test_a=TURNS)
    for fifo in ("to-gw0", "to-gw1"):
        os.mkfifo(controller.suite / fifo)
    process = controller.start("template", f"--capture={capture}")
    template = controller.accept("template")
    template.collected()
    names = ["gw0", "gw1"]
    pairs = [
        controller.fork(template, worker=name, slot=slot, workers=2)
        for slot, name in enumerate(names)
    ]
    for worker, _ in pairs:
        worker.say("run", tests=[0])
        worker.say("finish")
    for name, (worker, output) in zip(names, pairs):
        other = "gw1" if name == "gw0" else "gw0"
        _, done, _ = worker.rest()
        sections = dict(done["failure"]["sections"])
        sections.pop("Captured log call", None)  # pytest's own, in memory
        captured = "".join(sections.values())
        with output:
            written = output.read()
        assert other not in captured and other not in written
        for place, text, ways in (
            ("captured", captured, CAPTURED[capture]),
            ("pipe", written, IN_THE_PIPE[capture]),
        ):
            lines = set(text.splitlines())
            expected = {f"{way} {name} {line}" for way in ways for line in range(50)}
            assert expected <= lines, (place, sorted(expected - lines)[:3])
            unexpected = {line for line in lines - expected if name in line}
            assert not unexpected, (place, sorted(unexpected)[:3])
    for _ in pairs:
        assert controller.gone(template)["exit"] == 0
    template.say("shutdown")
    before_its_reports, *_ = controller.output(process)[0].partition("= FAILURES =")
    assert "gw" not in before_its_reports, "nothing came to the template's output"


def test_a_list_of_long_ids_comes_in_parts_that_fit_into_frames():
    rows = [{"id": "x" * 300_000} for _ in range(10)] + [{"id": "y"} for _ in range(1200)]
    parts = list(listing.parts(rows))
    assert [row for part in parts for row in part] == rows
    assert [len(part) for part in parts] == [4, 4, 500, 500, 202]
