"""Fills the shelf: executes modules of libraries ahead of the runs that will import them.

Only what a run has imported a moment ago is executed, and only from where libraries are installed.
What does more than make a module (starts a thread or a process, opens or writes files, changes the
environment, warns) is left to the runs, with all that imports it. PYTEST_DONT_REWRITE.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib
import importlib.util
import os
import signal
import site
import sys
import sysconfig
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, Optional

from . import threads
from .shelf import Kept, Shelf, stamp

EFFECTS = frozenset(
    {
        "os.chdir",
        "os.chmod",
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.link",
        "os.mkdir",
        "os.posix_spawn",
        "os.putenv",
        "os.remove",
        "os.rename",
        "os.rmdir",
        "os.spawn",
        "os.symlink",
        "os.system",
        "os.truncate",
        "os.unsetenv",
        "shutil.copyfile",
        "shutil.rmtree",
        "socket.bind",
        "socket.connect",
        "sqlite3.connect",
        "subprocess.Popen",
        "tempfile.mkdtemp",
        "tempfile.mkstemp",
    }
)
"""What Python tells an audit hook of things that are seen outside of the process."""

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

_watcher: Optional[Stock] = None
_is_heard = False


def library_folders() -> list[str]:
    """Where Python's own modules and installed ones are, in the order of ``sys.path``."""
    paths = sysconfig.get_paths()
    own = {paths[it] for it in ("stdlib", "platstdlib", "purelib", "platlib")}
    own.update(site.getsitepackages() if hasattr(site, "getsitepackages") else ())
    with contextlib.suppress(Exception):
        own.add(site.getusersitepackages())
    real = {os.path.realpath(it) for it in own}
    endings = ("lib-dynload", "site-packages", "dist-packages")
    return [
        it
        for it in sys.path
        if os.path.realpath(it) in real
        or (it.endswith(endings) and os.path.isdir(it))
        or (it.endswith(".zip") and os.path.dirname(it) in {os.path.dirname(x) for x in own})
    ]


class Installed:
    """What is installed in a folder, by the names in it: a new version has another name."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.stamp = stamp(folder)
        self.names = self._names()
        self.paths = self._path_files()

    def has_changed(self) -> bool:
        """Whether something was installed, removed, or put on ``sys.path``."""
        now = stamp(self.folder)
        if now != self.stamp:
            if self._names() != self.names:
                return True
            self.stamp = now  # Python has made its folder for compiled modules
        return self._path_files() != self.paths

    def _names(self) -> frozenset[str]:
        try:
            return frozenset(os.listdir(self.folder)) - {"__pycache__"}
        except OSError:
            return frozenset()

    def _path_files(self) -> list[Any]:
        paths = (os.path.join(self.folder, it) for it in self.names if it.endswith(".pth"))
        return [stamp(it) for it in paths]


def wanted(base: frozenset[str], folders: Sequence[str]) -> list[str]:
    """What this process has imported that could lie on the shelf, in its order."""
    prefixes = tuple(it + os.sep for it in folders)
    found = []
    for name, module in list(sys.modules.items()):
        if name in base or name.startswith(("__main__", "pnl_worker")):
            continue
        spec = getattr(module, "__spec__", None)
        if spec is None or getattr(spec, "name", None) != name:
            continue
        if hasattr(spec.loader, "_must_rewrite"):
            continue  # pytest's own loader, whose work depends on the run's configuration
        if _is_of_library(spec, prefixes):
            found.append(name)
    return found


def _is_of_library(spec: Any, prefixes: tuple[str, ...]) -> bool:
    origin = spec.origin
    if origin in ("built-in", "frozen"):
        return True
    if origin is None:  # a namespace package
        places = list(spec.submodule_search_locations or ())
        return bool(places) and all(it.startswith(prefixes) for it in places)
    return isinstance(origin, str) and origin.startswith(prefixes)


class Stock:
    """One filling."""

    def __init__(self, shelf: Shelf, refused: set[str]) -> None:
        self.shelf = shelf
        self.refused = refused
        self.found_wanting: set[str] = set()
        self.executing: list[str] = []
        self.asked: dict[str, list[str]] = {}
        self.missing: dict[str, list[str]] = {}
        self.names: dict[str, dict[str, Any]] = {}
        self.loaded: set[str] = set()
        self.owners: dict[str, str] = {}
        """Modules that others put into ``sys.modules``, and who did."""
        self.filters: dict[str, list[Any]] = {}
        self._import = builtins.__import__
        self._bootstrap: Any = importlib._bootstrap
        self._load = self._bootstrap._load_unlocked
        self.prefixes = tuple(it + os.sep for it in shelf.folders)

    def fill(self, names: Sequence[str]) -> set[str]:
        """Executes modules; those that must not be here, if any: then all of it is spoilt."""
        self.shelf.base = base = dict(sys.modules)
        self.shelf.install()
        before = _state()
        with self._watched():
            for name in names:
                if name in self.refused or name in sys.modules:
                    continue
                known = len(self.found_wanting)
                try:
                    importlib.import_module(name)
                except BaseException:
                    self.found_wanting.add(name)
                after = _state()
                # Its packages, which are no importers of it, may be what was refused.
                if after != before or len(self.found_wanting) > known:
                    self.found_wanting.add(name)
                    before = after
        sys.meta_path.remove(self.shelf)
        if self.found_wanting:
            self._blame_users()
        else:
            self._put_away(base)
        return self.found_wanting

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        global _watcher, _is_heard
        if not _is_heard:
            sys.addaudithook(_hear)
            _is_heard = True
        filters = list(warnings.filters)
        shown = warnings.showwarning
        _watcher = self
        builtins.__import__ = self._note_import
        self._bootstrap._load_unlocked = self._note_load
        warnings.simplefilter("always")
        warnings.showwarning = lambda *_, **__: self.blame()
        try:
            yield
        finally:
            warnings.showwarning = shown
            current: Any = warnings.filters
            current[:] = filters
            warnings._filters_mutated()  # type: ignore[attr-defined]
            self._bootstrap._load_unlocked = self._load
            builtins.__import__ = self._import
            _watcher = None

    def blame(self) -> None:
        """Something happened: all that are being executed are involved."""
        self.found_wanting.update(self.executing)

    def _blame_users(self) -> None:
        """Modules that import what was refused, or are part of it, would load it again."""
        refused = self.refused | self.found_wanting
        has_more = True
        while has_more:
            has_more = False
            for name in self.loaded - refused:
                needed = {*self.asked.get(name, ()), name.rpartition(".")[0]}
                if not needed.isdisjoint(refused):
                    refused.add(name)
                    self.found_wanting.add(name)
                    has_more = True

    def _note(self, name: str) -> None:
        if self.executing and name:
            asked = self.asked.setdefault(self.executing[-1], [])
            if name not in asked:
                asked.append(name)

    def _note_load(self, spec: Any) -> Any:
        """In the place of importlib's own, which finds it among its module's names."""
        name = spec.name
        self._note(name)
        if spec.loader is self.shelf:
            self.executing.append("")
            try:
                return self._load(spec)
            finally:
                self.executing.pop()
        if name in self.refused or not _is_of_library(spec, self.prefixes):
            self.blame()
            self.found_wanting.add(name)
        self.executing.append(name)
        self.loaded.add(name)
        filters = list(warnings.filters)
        before = set(sys.modules)
        try:
            module = self._load(spec)
        finally:
            self.executing.pop()
        for added_name in sys.modules.keys() - before - self.loaded - self.owners.keys():
            self.owners[added_name] = name
        added = len(warnings.filters) - len(filters)
        if added > 0 and list(warnings.filters[added:]) == filters:
            self.filters[name] = [it for it in warnings.filters[:added] if it not in filters]
            current: Any = warnings.filters
            del current[:added]
        elif added or list(warnings.filters) != filters:
            self.found_wanting.add(name)
        if hasattr(module, "__path__"):
            self.names[name] = dict(module.__dict__)
        return module

    def _note_import(
        self,
        name: str,
        globals: Any = None,
        locals: Any = None,
        fromlist: Any = (),
        level: int = 0,
    ) -> Any:
        try:
            module = self._import(name, globals, locals, fromlist, level)
        except ModuleNotFoundError as error:
            if self.executing and error.name:
                missing = self.missing.setdefault(self.executing[-1], [])
                missing.append(error.name.partition(".")[0])
            raise
        if self.executing:
            with contextlib.suppress(ImportError, ValueError, KeyError, AttributeError):
                self._note_names(_absolute(name, globals, level), fromlist)
        return module

    def _note_names(self, full: str, fromlist: Any) -> None:
        parts = full.split(".")
        for count in range(1, len(parts) + 1):
            self._note(".".join(parts[:count]))
        names = list(fromlist or ())
        if "*" in names:
            names = list(getattr(sys.modules[full], "__all__", ()))
        for name in names:
            if f"{full}.{name}" in sys.modules:
                self._note(f"{full}.{name}")

    def _put_away(self, base: dict[str, Any]) -> None:
        """Takes what is new out of ``sys.modules``, and off the packages that it is part of."""
        for name, module in list(sys.modules.items()):
            if name in base or _is_of_python(module):
                continue
            del sys.modules[name]
            parent, _, leaf = name.rpartition(".")
            if parent and name not in self.owners:
                self._unbind(parent, leaf, module, base)
            if name not in self.shelf.modules:
                self.shelf.modules[name] = self._kept(name, module)
        self.shelf.given.clear()
        self.shelf.base = dict(sys.modules)
        self.shelf.note_finders()

    def _unbind(self, parent: str, leaf: str, module: Any, base: dict[str, Any]) -> None:
        on_shelf = self.shelf.modules.get(parent)
        package = base.get(parent) or sys.modules.get(parent)
        if on_shelf is not None:
            package = on_shelf.module
        names = on_shelf.names if on_shelf is not None else self.names.get(parent)
        if package is None or getattr(package, "__dict__", {}).get(leaf) is not module:
            return
        if names is not None and leaf in names:
            setattr(package, leaf, names[leaf])
        else:
            delattr(package, leaf)

    def _kept(self, name: str, module: Any) -> Kept:
        file = getattr(module, "__file__", None)
        owner = self.owners.get(name)
        if owner is not None:
            return Kept(module, None, None, asked=[owner], missing=[], owner=owner)
        return Kept(
            module=module,
            file=file,
            stamp=stamp(file) if file else None,
            asked=self.asked.get(name, []),
            missing=self.missing.get(name, []),
            names=self.names.get(name),
            filters=self.filters.get(name, []),
            inserted=[it for it, owner in self.owners.items() if owner == name],
        )


def _is_of_python(module: Any) -> bool:
    """Whether it is part of the interpreter, which finds it before it asks the shelf."""
    return getattr(getattr(module, "__spec__", None), "origin", "") in ("built-in", "frozen")


def _absolute(name: str, globals: Any, level: int) -> str:
    if level == 0:
        return name
    package = globals.get("__package__") or globals["__spec__"].parent
    return importlib.util.resolve_name("." * level + name, package)


def _hear(event: str, arguments: Any) -> None:
    if _watcher is None:
        return
    if event == "open":
        path, _, flags = arguments
        # A number is a descriptor, which was opened before.
        is_effect = isinstance(flags, int) and bool(flags & WRITES) and not isinstance(path, int)
    else:
        is_effect = event in EFFECTS
    if is_effect and not (arguments and "__pycache__" in str(arguments[0])):
        _watcher.blame()


def _state() -> tuple[Any, ...]:
    """What importing a module must not change."""
    try:
        opened: tuple[str, ...] = tuple(sorted(os.listdir("/proc/self/fd")))
        tasks = len(os.listdir("/proc/self/task"))
    except OSError:
        opened, tasks = (), 1
    return (
        dict(os.environ),
        opened,
        tasks > 1 and tuple(threads.endangered()),
        tuple(sys.path),
        os.getcwd(),
        [signal.getsignal(it) for it in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)],
    )
