"""Modules that are executed already and not imported yet. PYTEST_DONT_REWRITE.

A run that is forked from the warm process starts with the same ``sys.modules`` as a cold one. When
it imports a module that lies here, the module is handed out instead of executed, if executing it
would make the same one: its file, the environment, and each module that it imported are what they
were. Modules that it imported are imported first, in its own order, so that after each import
``sys.modules`` and the packages' attributes are what they would be. A module is handed out once:
who removes it from ``sys.modules`` wants a new one.

What is not looked at: time, random numbers, and data files that a module reads when it is executed.
"""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any, Optional

Stamp = tuple[int, int, int]
"""A file's time of change in nanoseconds, size and number."""

ALWAYS_SET = ("PNL_", "PYTEST_")
"""How variables begin that a run sets for itself, and that libraries do not read."""

PATCHERS = ("gevent.monkey", "eventlet.patcher")
"""Modules that, once they are there, may have put others of their own into what was executed."""


def stamp(file: str) -> Optional[Stamp]:
    """A file as it is now; none where there is none."""
    try:
        status = os.stat(file)
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_size, status.st_ino)


@dataclass
class Kept:
    """A module on the shelf."""

    module: Any
    file: Optional[str]
    stamp: Optional[Stamp]
    asked: list[str]
    """Modules that it imported while it was executed, in order."""
    missing: list[str]
    """Modules that it would have liked to import and that were not there."""
    names: Optional[dict[str, Any]] = None
    """A package's names right after it was executed."""
    filters: list[Any] = field(default_factory=list)
    """Filters of warnings that it has added."""
    inserted: list[str] = field(default_factory=list)
    """Modules that it has put into ``sys.modules`` itself, as some written in C do."""
    owner: str = ""
    """Who has put this one there."""


class Shelf(MetaPathFinder, Loader):
    """Hands modules out."""

    def __init__(self, volatile: Sequence[str], folders: Sequence[str]) -> None:
        self.modules: dict[str, Kept] = {}
        self.base: dict[str, Any] = {}
        """What is imported in the warm process itself."""
        self.folders = tuple(folders)
        """Where libraries are: the only places that modules here come from."""
        self.volatile = frozenset(volatile)
        self.environment = self._essential()
        self.given: set[str] = set()
        self.note_finders()
        self._env_seen: dict[Any, Any] = {}
        self._env_same = False
        self._path_seen: tuple[str, ...] = ()
        self._path_same = False
        self._shadows: set[str] = set()

    def install(self) -> None:
        """From now on imports are served."""
        self.given.clear()
        places = [n for n, it in enumerate(sys.meta_path) if it is PathFinder]
        at = places[0] if places else len(sys.meta_path)
        sys.meta_path.insert(at, self)

    def note_finders(self) -> None:
        """What finds modules where they are executed ahead."""
        self.finders = [it for it in sys.meta_path if it is not self]
        self.hooks = list(sys.path_hooks)

    def find_spec(
        self, fullname: str, path: Optional[Sequence[str]] = None, target: Any = None
    ) -> Optional[ModuleSpec]:
        """Whether this import is served from here."""
        kept = self.modules.get(fullname)
        if kept is None or kept.owner or target is not None or fullname in self.given:
            return None
        if not (self._surroundings_hold() and self._holds(fullname)):
            return None
        spec = ModuleSpec(fullname, self, origin=kept.file)
        if kept.names is not None:
            spec.submodule_search_locations = []
        return spec

    def create_module(self, spec: ModuleSpec) -> Any:
        """A stand-in, which ``exec_module`` replaces."""
        return None

    def exec_module(self, module: Any) -> None:
        """Does to ``sys.modules`` and to warnings what executing the module does."""
        name = module.__spec__.name
        kept = self.modules[name]
        self.given.add(name)
        sys.modules[name] = kept.module
        for asked in kept.asked:
            if asked not in sys.modules:
                importlib.import_module(asked)
        for inserted in kept.inserted:
            sys.modules[inserted] = self.modules[inserted].module
        if kept.names is not None:
            # Importing a package's own module binds its name, over what the package bound to it.
            for asked in kept.asked:
                parent, _, leaf = asked.rpartition(".")
                if parent == name and leaf in kept.names:
                    setattr(kept.module, leaf, kept.names[leaf])
        if kept.filters:
            filters: Any = warnings.filters
            filters[:0] = kept.filters
            warnings._filters_mutated()  # type: ignore[attr-defined]

    def _surroundings_hold(self) -> bool:
        """Whether the environment and the ways to find modules are what they were."""
        data = os.environ._data  # type: ignore[attr-defined]
        if data != self._env_seen:
            self._env_seen = dict(data)
            self._env_same = self._essential() == self.environment
        path = tuple(sys.path)
        if path != self._path_seen:
            self._path_seen = path
            self._path_same = tuple(it for it in path if it in self.folders) == self.folders
            self._shadows = _stems(it for it in path if it not in self.folders)
        return (
            self._env_same
            and self._path_same
            and not any(it in sys.modules for it in PATCHERS)
            and not _is_traced()
            and self._finds_as_ever()
        )

    def _finds_as_ever(self) -> bool:
        """Whether nobody else (an import hook that checks types, say) would make the modules."""
        known = (self, *self.finders)
        return self.hooks == sys.path_hooks and all(
            it in known or hasattr(it, "_must_rewrite") for it in sys.meta_path
        )

    def _essential(self) -> dict[str, str]:
        return {
            name: value
            for name, value in os.environ.items()
            if name not in self.volatile and not name.startswith(ALWAYS_SET)
        }

    def _holds(self, name: str) -> bool:
        """Whether it and all that it imported, directly or not, would be the same again."""
        marked = _marked_for_rewriting()
        todo, seen = [name], set()
        while todo:
            one = todo.pop()
            if one in seen:
                continue
            seen.add(one)
            current, kept = sys.modules.get(one), self.modules.get(one)
            if kept is None:
                if current is None or current is not self.base.get(one):
                    return False
            elif current is not None:
                if current is not kept.module:
                    return False
            elif one in self.given or not self._is_same(one, kept, marked):
                return False
            else:
                todo.extend(kept.asked)
                if "." in one:
                    todo.append(one.rpartition(".")[0])
        return True

    def _is_same(self, name: str, kept: Kept, marked: set[str]) -> bool:
        top = name.partition(".")[0]
        if top in self._shadows or not self._shadows.isdisjoint(kept.missing):
            return False
        if marked and any(name == it or name.startswith(it + ".") for it in marked):
            return False
        return kept.file is None or stamp(kept.file) == kept.stamp


def _is_traced() -> bool:
    """Whether somebody (coverage, a debugger) wants to see modules being executed."""
    monitoring = getattr(sys, "monitoring", None)
    return (
        sys.gettrace() is not None
        or sys.getprofile() is not None
        or (monitoring is not None and any(map(monitoring.get_tool, range(6))))
    )


def _stems(folders: Any) -> set[str]:
    """Names of modules and packages that lie in these folders, and some more."""
    found: set[str] = set()
    for folder in folders:
        try:
            found.update(name.partition(".")[0] for name in os.listdir(folder or "."))
        except OSError:
            continue  # a zip file, or nothing
    return found


def _marked_for_rewriting() -> set[str]:
    """Modules whose assertions pytest rewrites when they are imported."""
    for finder in sys.meta_path:
        found = getattr(finder, "_must_rewrite", None)
        if isinstance(found, set):
            return found
    return set()
