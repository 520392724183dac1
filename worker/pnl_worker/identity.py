"""Who this process is, as suites and plugins written for pytest-xdist ask. PYTEST_DONT_REWRITE."""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Identity:
    """A worker's name and place, as the controller gave them."""

    worker: str
    slot: int
    workers: int
    round: int
    run: str

    def to_environment(self) -> None:
        """Sets xdist's variables, and pnl's own for what xdist has no word for."""
        os.environ["PYTEST_XDIST_WORKER"] = self.worker
        os.environ["PYTEST_XDIST_WORKER_COUNT"] = str(self.workers)
        os.environ["PYTEST_XDIST_TESTRUNUID"] = self.run
        os.environ["PNL_SLOT"] = str(self.slot)
        os.environ["PNL_ROUND"] = str(self.round)
        os.environ["PNL_ATTEMPT"] = "1"

    def to_config(self, config: pytest.Config) -> None:
        """Sets ``workerinput`` and ``workeroutput`` as in an xdist worker.

        Not before ``pytest_configure`` is over: plugins that read keys of their own from
        ``workerinput`` there (pytest-randomly, pytest-cov, pytest-rerunfailures) would find none,
        since pnl has no controller-side ``pytest_configure_node``.
        """
        config.workerinput = {  # type: ignore[attr-defined]
            "workerid": self.worker,
            "workercount": self.workers,
            "testrunuid": self.run,
            "mainargv": sys.argv,
        }
        config.workeroutput = {}  # type: ignore[attr-defined]

    def to_tmp_path(self, config: pytest.Config) -> None:
        """Gives this worker a base folder for ``tmp_path`` beside its fellows' of the round."""
        factory = getattr(config, "_tmp_path_factory", None)
        if factory is None:  # -p no:tmpdir
            return
        try:
            shared = shared_basetemp(config, self.run)
            _make_and_hold(shared)
            parent = shared / f"round-{self.round}"
            parent.mkdir(mode=0o700, exist_ok=True)
        except OSError:
            return  # pytest says what is wrong, and only to a test that asks for tmp_path
        factory._given_basetemp = parent / f"popen-{self.worker}"
        factory._basetemp = None


def to_controller(config: pytest.Config) -> None:
    """Lets ``xdist.is_xdist_controller`` see one: the workers are gone, their sum is drawn.

    Not before: plugins that see xdist distribute when they are configured wait for its hooks.
    """
    if hasattr(config.option, "dist"):
        config.option.dist = "load"


KEPT = 3  # pytest's own default for tmp_path_retention_count


def shared_basetemp(config: pytest.Config, run: str) -> Path:
    """The folder under which all workers of a run have theirs; made if missing.

    ``--basetemp`` if given, else beside pytest's own numbered folders.
    """
    given = config.option.basetemp
    if given:
        return Path(os.path.abspath(given))
    temproot = Path(os.environ.get("PYTEST_DEBUG_TEMPROOT") or tempfile.gettempdir()).resolve()
    try:
        user = getpass.getuser()
    except (ImportError, OSError, KeyError):
        user = "unknown"
    owner = temproot / f"pytest-of-{re.sub(r'[^A-Za-z0-9_.-]', '_', user) or 'unknown'}"
    owner.mkdir(mode=0o700, exist_ok=True)
    status = owner.lstat()
    if status.st_uid != os.getuid():
        raise OSError(f"the temporary folder {owner} belongs to another user")
    return owner / f"pnl-{run}"


def prune_basetemp(config: pytest.Config, run: str, round_number: int) -> None:
    """Removes what is old: all but the newest runs' folders, and this run's older rounds."""
    if config.option.basetemp:
        return
    from _pytest.pathlib import rm_rf

    try:
        mine = shared_basetemp(config, run)
    except OSError:
        return
    runs = sorted(_folders(mine.parent, "pnl-"), key=lambda path: path.name)
    old_runs = [path for path in runs if path != mine][: -(KEPT - 1)]
    old_rounds = [
        path
        for path in _folders(mine, "round-")
        if path.name[6:].isdigit() and int(path.name[6:]) <= round_number - KEPT
    ]
    for path in old_runs:
        _remove_unless_held(path)
    for path in old_rounds:
        rm_rf(path)


def _make_and_hold(folder: Path) -> None:
    """Keeps other runs from removing the folder while this process lives.

    Between two rounds nobody may hold it, so that another run may be removing it right now: who
    has waited for that finds it gone, and makes it anew.
    """
    while True:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue
        # Left open on purpose: the lock goes when the process goes, however it ends.
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(fd, fcntl.LOCK_SH)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(fd), os.stat(folder)):
                return
        os.close(fd)


def _remove_unless_held(folder: Path) -> None:
    from _pytest.pathlib import rm_rf

    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return  # another run removes it at this moment
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        rm_rf(folder)
    except OSError:
        return
    finally:
        os.close(fd)


def _folders(parent: Path, prefix: str) -> Iterator[Path]:
    try:
        entries = list(os.scandir(parent))
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.name.startswith(prefix) and entry.is_dir(follow_symlinks=False):
            yield Path(entry.path)
