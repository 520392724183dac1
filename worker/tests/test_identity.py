"""Who a worker is: environment, workerinput, groups, temporary folders."""

import contextlib
import os
import shutil
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from pnl_worker import identity, marks

WHO = identity.Identity(worker="gw3", slot=1, workers=2, round=5, run="20260102-030405-bbbbbb")


def test_the_environment_is_xdists(monkeypatch):
    monkeypatch.setattr(os, "environ", {})
    WHO.to_environment()
    assert os.environ == {
        "PYTEST_XDIST_WORKER": "gw3",
        "PYTEST_XDIST_WORKER_COUNT": "2",
        "PYTEST_XDIST_TESTRUNUID": "20260102-030405-bbbbbb",
        "PNL_SLOT": "1",
        "PNL_ROUND": "5",
        "PNL_ATTEMPT": "1",
    }


def test_workerinput_has_xdists_keys():
    config = SimpleNamespace()
    WHO.to_config(config)
    assert config.workerinput == {
        "workerid": "gw3",
        "workercount": 2,
        "testrunuid": "20260102-030405-bbbbbb",
        "mainargv": sys.argv,
    }
    assert config.workeroutput == {}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnknownMarkWarning")
def test_groups_are_the_ones_that_xdist_makes(pytester, monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    remote = pytest.importorskip("xdist.remote")
    items = pytester.getitems(
        """
        import pytest
        group = pytest.mark.xdist_group

        def test_none(): pass
        @group("one")
        def test_one(): pass
        @group(name="named")
        def test_named(): pass
        @group
        def test_default(): pass
        @group("z")
        @group("a")
        @group("z")
        def test_sorted_and_joined(): pass
        @group(7)
        def test_number(): pass

        @group("of-class")
        class TestClass:
            def test_inherits(self): pass
            @group("own")
            def test_adds(self): pass
        """
    )
    ours = {item.nodeid: marks.group_of(item) for item in items}
    expected = [None, "one", "named", "default", "a_z", "7", "of-class", "of-class_own"]
    assert list(ours.values()) == expected
    xdists = SimpleNamespace(config=SimpleNamespace(getvalue=lambda name: name == "loadgroup"))
    remote.WorkerInteractor.pytest_collection_modifyitems(xdists, xdists.config, items)
    # pytest 9.2 has no _nodeid any more, so xdist 3.8 groups nothing there; what it meant is seen.
    suffixes = [getattr(item, "_nodeid", "").partition("@")[2] for item in items]
    assert [suffix or None for suffix in suffixes] == expected


@pytest.fixture
def temproot(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTEST_DEBUG_TEMPROOT", str(tmp_path))
    monkeypatch.setenv("LOGNAME", "some/one")
    return tmp_path


def config(basetemp=None):
    factory = SimpleNamespace(_given_basetemp=None, _basetemp=Path("/the/templates"))
    return SimpleNamespace(option=SimpleNamespace(basetemp=basetemp), _tmp_path_factory=factory)


def test_workers_of_a_round_have_folders_beside_each_other(temproot):
    one = config()
    WHO.to_tmp_path(one)
    given = one._tmp_path_factory._given_basetemp
    owner = temproot.resolve() / "pytest-of-some_one"
    assert given == owner / "pnl-20260102-030405-bbbbbb" / "round-5" / "popen-gw3"
    assert one._tmp_path_factory._basetemp is None, "the template's own is forgotten"
    for private in (owner, given.parent):
        assert private.stat().st_mode & 0o777 == 0o700


def test_a_given_basetemp_is_shared(temproot):
    one = config(basetemp=str(temproot / "given"))
    WHO.to_tmp_path(one)
    given = one._tmp_path_factory._given_basetemp
    assert given == temproot / "given" / "round-5" / "popen-gw3"


def test_without_the_tmpdir_plugin_there_is_nothing_to_do(temproot):
    WHO.to_tmp_path(SimpleNamespace(option=SimpleNamespace(basetemp=None)))
    assert list(temproot.iterdir()) == []


def test_a_folder_of_another_user_is_refused(temproot, monkeypatch):
    identity.shared_basetemp(config(), "run")
    monkeypatch.setattr(os, "getuid", lambda: 4242)
    with pytest.raises(OSError, match="belongs to another user"):
        identity.shared_basetemp(config(), "run")


def test_the_newest_runs_and_rounds_are_kept(temproot):
    parent = identity.shared_basetemp(config(), WHO.run).parent
    runs = [f"2026010{day}-000000-aaaaaa" for day in range(1, 5)]
    for run in runs:
        (parent / f"pnl-{run}").mkdir()
    mine = parent / f"pnl-{WHO.run}"
    for number in (1, 2, 3, 4, 10):
        (mine / f"round-{number}" / "popen-gw0").mkdir(parents=True)
    (mine / "round-old").mkdir()
    (mine / "test_x0").mkdir()
    pytests_own = parent / "pytest-0"
    pytests_own.mkdir()

    identity.prune_basetemp(config(), WHO.run, WHO.round)

    assert {path.name for path in parent.iterdir()} == {
        "pnl-20260103-000000-aaaaaa",
        "pnl-20260104-000000-aaaaaa",
        mine.name,
        "pytest-0",
    }
    assert {path.name for path in mine.iterdir()} == {
        "round-3",
        "round-4",
        "round-10",
        "round-old",
        "test_x0",
    }


def test_pruning_never_follows_links(temproot):
    parent = identity.shared_basetemp(config(), WHO.run).parent
    precious = temproot / "precious"
    precious.mkdir()
    (precious / "file").write_text("precious")
    for day in range(1, 6):
        (parent / f"pnl-2026010{day}-link").symlink_to(precious)
    old = parent / "pnl-20250101-000000-aaaaaa"
    old.mkdir()
    (old / "inner-link").symlink_to(precious)
    newer = [parent / f"pnl-2025020{day}" for day in range(1, 3)]
    for path in newer:
        path.mkdir()
    mine = parent / f"pnl-{WHO.run}"
    mine.mkdir()
    (mine / "round-1").symlink_to(precious)

    identity.prune_basetemp(config(), WHO.run, WHO.round)

    assert not old.exists()
    assert all(path.exists() for path in newer)
    assert (mine / "round-1").is_symlink()
    assert (precious / "file").read_text() == "precious"


def test_pruning_leaves_a_given_basetemp_alone(temproot):
    given = temproot / "given"
    (given / "round-1").mkdir(parents=True)
    identity.prune_basetemp(config(basetemp=str(given)), WHO.run, WHO.round)
    assert (given / "round-1").is_dir()


def test_a_run_that_goes_on_is_not_pruned(temproot):
    """A night's loop keeps its folders while shorter runs come and go beside it."""
    night = identity.Identity("gw0", 0, 1, 1, "20250101-000000-aaaaaa")
    parent = identity.shared_basetemp(config(), night.run).parent
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        night.to_tmp_path(config())
        os.write(write, b".")
        signal.pause()
    try:
        assert os.read(read, 1) == b"."
        for day in range(1, 5):
            (parent / f"pnl-2026010{day}").mkdir()
        identity.prune_basetemp(config(), WHO.run, WHO.round)
        assert (parent / f"pnl-{night.run}").is_dir()
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(read)
        os.close(write)
    identity.prune_basetemp(config(), WHO.run, WHO.round)
    assert not (parent / f"pnl-{night.run}").exists()


def test_a_worker_that_starts_while_its_runs_folder_is_removed_makes_it_anew(temproot, monkeypatch):
    """Between two rounds nobody holds it: a run beside it took it for an old one's."""
    shared = identity.shared_basetemp(config(), WHO.run)
    flock, moments = identity.fcntl.flock, []

    def removed_meanwhile(fd, how):
        moments.append(how)
        if len(moments) == 1:
            shutil.rmtree(shared)
        flock(fd, how)

    monkeypatch.setattr(identity.fcntl, "flock", removed_meanwhile)
    one = config()
    WHO.to_tmp_path(one)
    assert one._tmp_path_factory._given_basetemp.parent.is_dir()
    # It waits for who removes, rather than going on beside it.
    assert moments == [identity.fcntl.LOCK_SH] * 2


def test_an_old_run_is_held_while_it_is_removed(temproot, monkeypatch):
    parent = identity.shared_basetemp(config(), WHO.run).parent
    for day in range(1, 4):
        (parent / f"pnl-2026010{day}").mkdir()
    seen = []

    def remove(path):
        with path_lock(path) as fd, pytest.raises(BlockingIOError):
            identity.fcntl.flock(fd, identity.fcntl.LOCK_SH | identity.fcntl.LOCK_NB)
        seen.append(path.name)

    monkeypatch.setattr("_pytest.pathlib.rm_rf", remove)
    identity.prune_basetemp(config(), WHO.run, WHO.round)
    assert seen == ["pnl-20260101"]


@contextlib.contextmanager
def path_lock(path):
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    yield fd
    os.close(fd)
