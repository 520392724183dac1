"""What test files begin by importing, imported once before workers are forked.

Where pytest collects everything before the first test, each test finds the modules loaded that any
test file imports, and some need that: click's tests patch ``click._termui_impl`` in files that do
not import it. So what stands at the head of the files is imported here, in pytest's order, and each
worker need not do it again. Whatever does more than import, and all that comes after it, is left to
the worker that collects the file. PYTEST_DONT_REWRITE.
"""

from __future__ import annotations

import ast
import contextlib
import os
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from . import heap

if TYPE_CHECKING:
    from .spread import Unit

BODY = ("def ", "async ", "class ", "@")
"""How lines begin that no file's imports come after."""

Import = tuple[str, tuple[str, ...]]
"""A module, and names that are taken from it."""


def import_ahead(config: pytest.Config, units: Sequence[Unit]) -> None:
    """Imports what the files begin with. What fails is left to fail where pytest reports it."""
    own = {os.path.splitext(os.path.basename(unit.nodes[0].path))[0] for unit in units}
    known: set[Import] = set()
    with heap.seldom_collected(), _as_in_collection(config):
        for unit in units:
            wanted = [it for it in head(str(unit.nodes[0].path)) if it not in known]
            known.update(wanted)
            with unit.in_place():
                for module, names in wanted:
                    if not _is_collected(own, module, names):
                        _import(module, names)


def _is_collected(own: set[str], module: str, names: Iterable[str]) -> bool:
    """Whether it is a test file or a conftest, which pytest imports in its own way."""
    return not {*module.split("."), *names}.isdisjoint(own | {"conftest"})


def _import(module: str, names: tuple[str, ...]) -> None:
    try:
        __import__(module, {}, {}, names, 0)
    except KeyboardInterrupt:
        raise
    except BaseException:  # an error, a skip, an exit: the file's own collection comes to it
        return


@contextlib.contextmanager
def _as_in_collection(config: pytest.Config) -> Iterator[None]:
    """With the filters for warnings that hold while pytest collects: some make errors of them."""
    from _pytest.warnings import catch_warnings_for_item

    if not config.pluginmanager.hasplugin("warnings"):
        yield
        return
    with catch_warnings_for_item(config=config, ihook=config.hook, when="collect", item=None):
        yield


def head(path: str) -> list[Import]:
    """The imports before anything that a file does beside importing."""
    found: list[Import] = []
    for statement in _first_statements(path):
        if isinstance(statement, ast.Import):
            found += [(name.name, ()) for name in statement.names]
        elif isinstance(statement, ast.ImportFrom):
            if statement.level == 0 and statement.module not in (None, "__future__"):
                names = tuple(it.name for it in statement.names if it.name != "*")
                found.append((str(statement.module), names))
        elif not _is_harmless(statement):
            break
    return found


def _first_statements(path: str) -> list[ast.stmt]:
    lines: list[str] = []
    try:
        with tokenize.open(path) as file:
            for line in file:
                if line.startswith(BODY):
                    break
                lines.append(line)
        return ast.parse("".join(lines)).body
    except (OSError, SyntaxError, ValueError):  # no Python, or cut within a text
        return []


def _is_harmless(statement: ast.stmt) -> bool:
    """Whether it only gives names to values, or is not for running at all."""
    if isinstance(statement, ast.If):
        return ast.unparse(statement.test).endswith("TYPE_CHECKING")
    if isinstance(statement, ast.Try):
        parts: list[Any] = [*statement.body, *statement.orelse]
        parts += [inner for handler in statement.handlers for inner in handler.body]
        return all(isinstance(it, (ast.Import, ast.ImportFrom)) or _is_harmless(it) for it in parts)
    if isinstance(statement, ast.Assign):
        is_named = all(isinstance(target, ast.Name) for target in statement.targets)
        return is_named and _is_value(statement.value)
    is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return is_text or isinstance(statement, ast.Pass)


def _is_value(expression: ast.expr) -> bool:
    calls = (node for node in ast.walk(expression) if isinstance(node, ast.Call))
    return all(ast.unparse(call.func).startswith("pytest.mark.") for call in calls)
