"""What is changed of other plugins' options, shown with plugins that only have these options."""

import errno
import os
from pathlib import Path

import pytest

from pnl_worker.guests import guest

FAKE_PLAYWRIGHT = """
    import shutil
    import pytest

    def pytest_addoption(parser):
        parser.addoption("--output", default="test-results")
        parser.addoption("--tracing", default="off")

    @pytest.fixture(scope="session", autouse=True)
    def delete_output_dir(pytestconfig):
        shutil.rmtree(pytestconfig.getoption("--output"), ignore_errors=True)
"""

LEAVES_ARTEFACTS = """
    import pathlib
    import pytest

    @pytest.mark.parametrize("number", range(3))
    def test_leaves(pytestconfig, request, number):
        attempt = getattr(request.node, "execution_count", 1)
        folder = pathlib.Path(pytestconfig.getoption("--output")) / f"test-{number}-{attempt}"
        folder.mkdir(parents=True)
"""

FAKE_ALLURE = """
    import pathlib, shutil

    def pytest_addoption(parser):
        parser.addoption("--clean-alluredir", action="store_true")

    def pytest_configure(config):
        if config.option.clean_alluredir:
            shutil.rmtree("results")
        pathlib.Path("results").mkdir(exist_ok=True)
"""

FAKE_RANDOMLY = """
    def pytest_addoption(parser):
        parser.addoption("--randomly-seed", default="default")

    def pytest_configure(config):
        with open("seeds", "a") as file:
            print(config.option.randomly_seed, file=file)
"""

FAKE_BENCHMARK = """
    import pytest

    def pytest_addoption(parser):
        parser.addoption("--benchmark-disable", action="store_true")
        parser.addoption("--benchmark-enable", action="store_true")
        parser.addoption("--benchmark-skip", action="store_true")
        parser.addoption("--benchmark-only", action="store_true")

    @pytest.fixture
    def benchmark(pytestconfig):
        return pytestconfig.option.benchmark_disable
"""

FAKE_SNAPSHOTS = """
    def pytest_addoption(parser):
        parser.addoption("--inline-snapshot")
"""


FAKE_SPLIT = """
    def pytest_addoption(parser):
        parser.addoption("--store-durations", action="store_true")

    def pytest_sessionfinish(session):
        if session.config.option.store_durations:
            open("durations", "w").close()
"""

FAKE_SYRUPY = """
    import pytest

    def pytest_configure(config):
        config._syrupy = object()

    @pytest.fixture
    def snapshot(): pass
"""


@pytest.fixture
def with_artefacts(controller):
    """A suite whose tests each make a folder, and a folder that an older run has left."""
    controller.write(fake=FAKE_PLAYWRIGHT, test_a=LEAVES_ARTEFACTS)
    (controller.suite / "test-results" / "stale").mkdir(parents=True)
    return controller


def run(worker, *tests, **more):
    worker.say("run", tests=list(tests), **more)
    worker.say("finish")
    done = [message["outcome"] for message in worker.rest() if message["t"] == "done"]
    assert done == ["passed"] * len(tests)


def left(folder: Path) -> list[str]:
    leaves = (path for path in folder.rglob("*") if not any(path.iterdir()))
    return sorted(str(path.relative_to(folder)) for path in leaves)


def test_no_worker_of_a_run_removes_what_another_has_left(with_artefacts):
    template, _ = with_artefacts.template("-p", "fake")
    for name, slot, round_number, test in (("gw0", 0, 1, 0), ("gw1", 1, 1, 1), ("gw0", 0, 2, 0)):
        worker, output = with_artefacts.fork(template, worker=name, slot=slot, round=round_number)
        run(worker, test)
        output.close()
        with_artefacts.gone(template)
    found = left(with_artefacts.suite / "test-results")
    assert found == ["round-2/test-0-1", "test-0-1", "test-1-1"]


def test_a_new_attempt_has_a_folder_of_its_own(with_artefacts):
    template, _ = with_artefacts.template("-p", "fake")
    worker, output = with_artefacts.fork(template)
    run(worker, 0, 1)
    output.close()
    with_artefacts.gone(template)
    again, output = with_artefacts.fork(template, worker="gw1")
    run(again, 0, again=[[0, 2]])
    output.close()
    found = left(with_artefacts.suite / "test-results")
    assert found == ["test-0-1", "test-0-2", "test-1-1"]


def test_spawned_workers_share_the_folder_too(with_artefacts):
    for slot in range(2):
        worker, _ = with_artefacts.spawned("-p", "fake", worker=f"gw{slot}", slot=slot)
        run(worker, slot)
    assert left(with_artefacts.suite / "test-results") == ["test-0-1", "test-1-1"]


def test_a_suite_s_own_fixture_for_the_folder_stays_in_force(with_artefacts):
    with_artefacts.write(
        conftest="""
            import pytest

            @pytest.fixture(scope="session", autouse=True)
            def delete_output_dir(): pass
        """
    )
    worker, _ = with_artefacts.spawned("-p", "fake")
    run(worker, 0)
    assert left(with_artefacts.suite / "test-results") == ["stale", "test-0-1"]


def test_only_the_first_spawned_worker_cleans_allure_s_results(controller):
    controller.write(
        fake=FAKE_ALLURE, test_a="def test_writes(): open('results/result.json', 'w').close()"
    )
    (controller.suite / "results").mkdir()
    (controller.suite / "results" / "stale.json").touch()
    for slot in range(2):
        worker, _ = controller.spawned("-p", "fake", "--clean-alluredir", slot=slot)
        run(worker, *([0] if slot == 0 else []))
    assert [path.name for path in (controller.suite / "results").iterdir()] == ["result.json"]


def test_all_workers_have_one_seed_and_it_is_told_once(controller):
    controller.write(fake=FAKE_RANDOMLY, test_a="def test_passes(): pass")
    told = []
    for slot in range(2):
        controller.start("worker", "-p", "fake", worker=f"gw{slot}", slot=slot)
        worker = controller.accept("worker")
        worker.say("finish")
        told += [message["text"] for message in worker.rest() if message["t"] == "notice"]
    first, second = (controller.suite / "seeds").read_text().split()
    assert first == second and first.isdigit()
    assert len(told) == 1 and f"--randomly-seed={first}" in told[0]


def test_a_seed_that_was_given_is_left_alone(controller):
    controller.write(fake=FAKE_RANDOMLY, test_a="def test_passes(): pass")
    controller.spawned("-p", "fake", "--randomly-seed=7")
    assert (controller.suite / "seeds").read_text() == "7\n"


@pytest.mark.parametrize(
    ("option", "test", "is_told"),
    [
        ([], "def test_a(benchmark): assert benchmark", True),
        ([], "def test_a(): pass", False),
        (["--benchmark-disable"], "def test_a(benchmark): assert benchmark", False),
    ],
)
def test_benchmarks_are_not_measured_and_that_is_told(controller, option, test, is_told):
    controller.write(fake=FAKE_BENCHMARK, test_a=test)
    controller.start("template", "-p", "fake", *option)
    template = controller.accept("template")
    first = template.next()
    assert (first["t"] == "notice") == is_told
    assert not is_told or "--engine pytest" in first["text"]
    while template.next()["t"] != "ready":
        pass
    worker, output = controller.fork(template)
    run(worker, 0)
    output.close()


def test_benchmarks_alone_are_refused(controller):
    controller.write(fake=FAKE_BENCHMARK, test_a="def test_a(benchmark): pass")
    process = controller.start("template", "-p", "fake", "--benchmark-only")
    output, status = controller.output(process)
    assert status == pytest.ExitCode.USAGE_ERROR
    assert "--benchmark-only" in output and "--engine pytest" in output


@pytest.mark.parametrize(("mark", "is_told"), [("@pytest.mark.order(1)", True), ("", False)])
def test_an_order_that_workers_do_not_keep_is_told(controller, mark, is_told):
    controller.write(
        fake="""
            def pytest_addoption(parser):
                parser.addoption("--order-scope")

            def pytest_configure(config):
                config.addinivalue_line("markers", "order: when")
        """,
        test_a=f"import pytest\n{mark}\ndef test_a(): pass",
    )
    controller.start("template", "-p", "fake")
    first = controller.accept("template").next()
    assert (first["t"] == "notice") == is_told
    assert not is_told or "--workers 1" in first["text"]


def test_snapshots_that_would_be_changed_are_refused(controller):
    controller.write(fake=FAKE_SNAPSHOTS, test_a="def test_passes(): pass")
    process = controller.start("template", "-p", "fake", "--inline-snapshot=fix,report")
    output, status = controller.output(process)
    assert status == pytest.ExitCode.USAGE_ERROR
    assert "--inline-snapshot=fix,report" in output and "--engine pytest" in output


@pytest.mark.parametrize(
    ("plugin", "option", "word"),
    [(FAKE_SPLIT, "--store-durations", "--store-durations"), (FAKE_SYRUPY, "-q", "syrupy")],
)
@pytest.mark.parametrize("slot", [0, 1])
def test_what_spawned_workers_cannot_do_is_told_once(controller, plugin, option, word, slot):
    fixture = "snapshot" if word == "syrupy" else ""
    controller.write(fake=plugin, test_a=f"def test_a({fixture}): pass")
    process = controller.start("worker", "-p", "fake", option, slot=slot, worker=f"gw{slot}")
    worker = controller.accept("worker")
    worker.say("finish")
    told = [message["text"] for message in worker.rest() if message["t"] == "notice"]
    assert len(told) == (1 if slot == 0 else 0)
    assert slot != 0 or (word in told[0] and "--engine fork" in told[0])
    controller.output(process)
    assert not (controller.suite / "durations").exists()


def test_a_claim_needs_no_room_on_the_disk(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        for is_first in (True, False):
            held = guest.lock(str(tmp_path), "name")
            assert guest.claim(held) is is_first
            os.close(held)
