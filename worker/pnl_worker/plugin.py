"""The pytest plugin: takes on the role that the controller gave. PYTEST_DONT_REWRITE."""

from __future__ import annotations

import json
import os
import sys
from typing import Any, Optional

import pytest

from . import (
    DONT_WRITE_BYTECODE,
    IMPORTED_US,
    ahead,
    ending,
    fixtures,
    guests,
    heap,
    identity,
    lifeline,
    listing,
    marks,
    observer,
    origin,
    refork,
    spread,
    stacks,
    template,
    wire,
    worker,
    xdist_options,
)
from .usage import Usage

sys.dont_write_bytecode = DONT_WRITE_BYTECODE

__all__ = [
    "pytest_addoption",
    "pytest_cmdline_main",
    "pytest_configure",
    "pytest_load_initial_conftests",
]


def _take_session() -> dict[str, Any]:
    """Reads the controller's order and hides its traces from the suite and its subprocesses."""
    text = os.environ.pop("PNL_SESSION", None)
    if text is None:
        return {}
    order: dict[str, Any] = json.loads(text)
    for name, value in order["restore"].items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    package_parent = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if package_parent in sys.path:
        sys.path.remove(package_parent)
    return order


ORDER = _take_session()
ALARM = -1

if ORDER:
    lifeline.hold(os.path.dirname(ORDER["socket"]))
    ALARM = lifeline.heed_alarm(os.path.dirname(ORDER["socket"]), ORDER.get("worker", ""))


DISTRIBUTES = ORDER.get("role") in ("template", "worker")
"""Whether pnl deals out the tests; the observer leaves xdist alone."""

if ORDER:
    stacks.dump_on_signal(os.path.dirname(ORDER["socket"]), ORDER.get("worker", ORDER["role"]))

XDIST = xdist_options.Options()

GUESTS = guests.Guests(ORDER, os.environ["PNL_RUN"]) if DISTRIBUTES else None


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Knows xdist's options where xdist is not there to know them."""
    loaded_later = ((ORDER.get("restore") or {}).get("PYTEST_PLUGINS") or "").split(",")
    has_xdist = pluginmanager.hasplugin("xdist") or pluginmanager.hasplugin("xdist.plugin")
    if DISTRIBUTES and not has_xdist and not {"xdist", "xdist.plugin"} & set(loaded_later):
        xdist_options.register(parser, pluginmanager)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Hides xdist's options from plugins that look at them this early."""
    if DISTRIBUTES:
        XDIST.hide(early_config.known_args_namespace)
    if GUESTS is not None:
        GUESTS.before_start(early_config.known_args_namespace)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Keeps xdist from starting where pnl distributes (``addopts = -n 4``)."""
    if DISTRIBUTES:
        XDIST.take(config)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Connects, says hello, and registers the role."""
    if not ORDER:
        return
    role = ORDER["role"]
    if GUESTS is not None:
        GUESTS.before_configure(config)
    # --strict-markers, and xdist's own registration is there only where xdist is.
    config.addinivalue_line("markers", marks.XDIST_GROUP)
    config.addinivalue_line("markers", marks.PNL)
    connection = wire.Connection(ORDER["socket"])
    connection.send(template.hello(role, ORDER["token"], ORDER.get("worker", "")))
    if role == "observer":
        config.pluginmanager.register(observer.Observer(config, connection), "pnl-observer")
        return
    if not config.pluginmanager.hasplugin("xdist"):
        config.pluginmanager.register(fixtures.identity(), "pnl-identity")
    config.pluginmanager.register(Role(connection), "pnl-role")


class Role:
    """Takes the place of pytest's own loop over the tests."""

    def __init__(self, connection: wire.Connection) -> None:
        self.connection = connection
        self.files: list[spread.Unit] = []
        self.why_full = ""
        self.collecting = 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """A spawned worker has its identity before session-wide hooks and fixtures ask."""
        if GUESTS is not None:
            GUESTS.after_configure()
        if ORDER["role"] == "worker":
            who = _identity()
            who.to_config(session.config)
            who.to_tmp_path(session.config)
            if GUESTS is not None:
                GUESTS.enter_spawned_worker(session.config)

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self, session: pytest.Session) -> Any:
        """Leaves the files to workers where that is wanted and nothing needs all tests at once."""
        self.collecting = wire.now_us()
        with heap.seldom_collected():
            return (yield from self._collect(session))

    def _collect(self, session: pytest.Session) -> Any:
        wish = ORDER.get("collect", "full")
        if wish == "full":
            return (yield)
        self.why_full = XDIST.why_full() or spread.why_full(session.config, wish) or ""
        if self.why_full:
            return (yield)
        with spread.Files(session) as files:
            result = yield
        self.why_full = files.why_full(wish) or ""
        can_spread = not (self.why_full or session.items or session.testsfailed)
        if len(files.units()) > 1 and can_spread:
            self.files = files.units()
            ahead.import_ahead(session.config, self.files)
        else:
            files.collect_all()
        return result

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Optional[object]:
        """Serves as template, or works, once the tests are collected."""
        option = session.config.option
        if option.collectonly or not (session.items or self.files):
            return None
        if session.testsfailed and not option.continue_on_collection_errors:
            return None  # pytest's own loop raises its own error
        origin.say_imports()
        for level, text in GUESTS.notices(session) if GUESTS is not None else ():
            self.connection.buffer({"t": "notice", "level": level, "text": text})
        told = XDIST.told(session.config)
        how = listing.Collected(self.files, self.why_full, self._stamps())
        listing.announce(session, self.connection, told, how)
        if ORDER["role"] == "template":
            session.config.pluginmanager.register(ending.Summary(self.connection), "pnl-ending")
            order = (self.connection, ORDER["socket"], ORDER["token"])
            if ALARM >= 0:
                os.close(ALARM)  # from now on the connection's end tells
            template.Template(session, *order, files=self.files).serve()
        else:
            refork.keep_capture(session.config, os.path.dirname(ORDER["socket"]), ORDER["worker"])
            refork.write_lines_at_once(session.config)
            runner = worker.Worker(session, self.connection)
            runner.usage = Usage() if ORDER.get("measure") else None
            runner.run()
            self.runner = runner
            if GUESTS is not None:
                GUESTS.leave(session.config)
        return True

    def _stamps(self) -> Optional[wire.Message]:
        """When this process came how far, for ``--timings``."""
        if not ORDER.get("stamps"):
            return None
        return {
            "imported": LOADED_US if origin.is_forked else IMPORTED_US,
            "loaded": LOADED_US,
            "collecting": self.collecting,
            "collected": wire.now_us(),
        }

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Any:
        """A spawned worker says bye when all tear-downs are over."""
        try:
            return (yield)
        except BaseException as error:
            if hasattr(self, "runner"):
                self.runner.tell_of_failed_end(error)
            raise
        finally:
            if hasattr(self, "runner"):
                summary = GUESTS.summary(session.config) if GUESTS is not None else None
                if summary is not None:
                    self.connection.buffer({"t": "summary", "text": summary})
                self.runner.say_bye()


if ORDER.get("role") == "template":
    heap.watch()


def _identity() -> identity.Identity:
    return identity.Identity(
        ORDER["worker"], ORDER["slot"], ORDER["workers"], ORDER["round"], ORDER["run"]
    )


if ORDER.get("role") == "worker":
    _identity().to_environment()

LOADED_US = wire.now_us()
