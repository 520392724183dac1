"""xdist's command line: told to the controller, and hidden from whoever would act on it here.

pnl distributes in xdist's place, so xdist's options mean something to the controller alone. In the
template and in workers they read as in an xdist worker, from before the first plugin looks
(pytest-cov does before conftests are loaded). PYTEST_DONT_REWRITE.
"""

from __future__ import annotations

import argparse
import os
from typing import Any, Optional, Union

import pytest

from . import wire

HIDDEN: dict[str, Any] = {
    "numprocesses": None,
    "maxprocesses": None,
    "maxworkerrestart": None,
    "dist": "no",
    "distload": False,
    "tx": [],
    "px": [],
}
"""What an xdist worker has."""

REFUSED = {
    "tx": ("--tx", "name a number of workers with -n"),
    "px": ("--px", "pnl starts its workers on this machine"),
    "rsyncdir": ("--rsyncdir", "pnl starts its workers on this machine, in this folder"),
    "looponfail": ("-f/--looponfail", "repeat a suite with --loop or --duration"),
}
"""By option: its name, and what to do instead."""

MODES = ("each", "load", "loadscope", "loadfile", "loadgroup", "worksteal", "no")

AUTO_VARIABLE = "PYTEST_XDIST_AUTO_NUM_WORKERS"


def _numprocesses(text: str) -> Union[int, str]:
    return text if text in ("auto", "logical") else int(text)


def register(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Adds xdist's options where xdist does not, so that ``addopts = -n 4`` needs no xdist."""
    group = parser.getgroup("xdist", "distributed testing, as pytest-xdist has it (done by pnl)")
    group._addoption(
        "-n", "--numprocesses", dest="numprocesses", type=_numprocesses, help="Workers"
    )
    group._addoption("-d", dest="distload", action="store_true", default=False, help="--dist=load")
    # A plugin of its own, which ``-p no:xdist`` leaves in place.
    if not pluginmanager.hasplugin("xdist.looponfail"):
        group._addoption(
            "-f", "--looponfail", dest="looponfail", action="store_true", default=False
        )
    for name, dest, kind in (
        ("--maxprocesses", "maxprocesses", int),
        ("--max-worker-restart", "maxworkerrestart", str),
        ("--maxschedchunk", "maxschedchunk", int),
        ("--testrunuid", "testrunuid", str),
    ):
        group.addoption(name, dest=dest, type=kind, help="As in pytest-xdist")
    group.addoption("--dist", dest="dist", choices=MODES, default="no", help="As in pytest-xdist")
    for name, action in (
        ("--loadscope-reorder", "store_true"),
        ("--no-loadscope-reorder", "store_false"),
    ):
        group.addoption(name, dest="loadscopereorder", action=action, default=True)
    for name in ("tx", "px", "rsyncdir", "rsyncignore"):
        group.addoption(f"--{name}", dest=name, action="append", default=[], help="Not in pnl")


class Options:
    """What a session was told by xdist's options, on its command line and elsewhere."""

    def __init__(self) -> None:
        self._all: dict[str, Any] = {}

    def hide(self, options: argparse.Namespace) -> None:
        """Makes xdist's options read as in a worker."""
        for name, value in HIDDEN.items():
            if hasattr(options, name):
                setattr(options, name, list(value) if isinstance(value, list) else value)

    def take(self, config: pytest.Config) -> None:
        """Remembers what all sources together say, refuses what pnl cannot do, and hides it."""
        for name, (option, instead) in REFUSED.items():
            if getattr(config.option, name, None):
                raise pytest.UsageError(f"{option} of pytest-xdist does not go with pnl: {instead}")
        names = (*HIDDEN, "maxschedchunk", "loadscopereorder")
        self._all = {name: getattr(config.option, name, None) for name in names}
        restarts = self._all["maxworkerrestart"]
        if restarts is not None and not str(restarts).isdigit():
            raise pytest.UsageError(
                f"--max-worker-restart is a whole number of at least 0, not {restarts!r}"
            )
        self.hide(config.option)

    def told(self, config: pytest.Config) -> wire.Message:
        """What the controller should know; empty where no option was given."""
        told: wire.Message = {}
        typed = _typed(config)
        for place, values in (("typed", typed), ("configured", self._all)):
            said = self._count_and_mode(values)
            if said:
                told[place] = said
        auto = _auto(config)
        if auto is not None:
            told["auto"] = auto
        for name in ("maxprocesses", "maxschedchunk"):
            if self._all.get(name):
                told[name] = max(1, self._all[name])
        if self._all.get("maxworkerrestart") is not None:
            told["max_worker_restart"] = int(self._all["maxworkerrestart"])
        if self._all.get("loadscopereorder") is False:
            told["loadscope_reorder"] = False
        return told

    def why_full(self) -> str:
        """Which mode needs all tests before the first is run; empty where none does."""
        mode = self._count_and_mode(self._all).get("dist", "loadfile")
        return "" if mode in ("loadfile", "pnl") else f"--dist {mode}"

    def _count_and_mode(self, values: dict[str, Any]) -> wire.Message:
        said: wire.Message = {}
        count = values.get("numprocesses")
        if count is not None:
            said["numprocesses"] = "auto" if isinstance(count, str) else max(0, count)
        mode = "load" if values.get("distload") else values.get("dist")
        # To xdist "no" is what -n turns into "load"; without -n, its default and no word of anyone.
        is_no = mode == "no" and (self._all.get("numprocesses") or values is self._all)
        if mode is not None and not is_no:
            said["dist"] = mode
        return said


def _typed(config: pytest.Config) -> dict[str, Any]:
    """What the command line alone says: neither ``addopts`` nor PYTEST_ADDOPTS."""
    unset = object()
    names = ("numprocesses", "dist", "distload")
    blank = argparse.Namespace(**dict.fromkeys(names, unset))
    parse: Any = config._parser.parse_known_args
    found = vars(parse(list(config.invocation_params.args), namespace=blank))
    return {name: found[name] for name in names if found.get(name, unset) is not unset}


def _auto(config: pytest.Config) -> Optional[int]:
    """What ``-n auto`` means, where the suite or the environment says it."""
    hook = getattr(config.hook, "pytest_xdist_auto_num_workers", None)
    plugins = [] if hook is None else [impl.plugin_name for impl in hook.get_hookimpls()]
    if hook is not None and any(name not in ("xdist", "xdist.plugin") for name in plugins):
        return max(1, int(hook(config=config)))
    text = os.environ.get(AUTO_VARIABLE, "")
    return max(1, int(text)) if text.isdigit() else None
