"""Hooks that treat every test by itself: whether they see all tests at once makes no difference.

A conftest's ``pytest_collection_modifyitems`` is mostly a loop that gives some tests a mark. Its
source is read here. Whatever is not plainly of this kind counts as one that needs the whole list,
as does a hook without source. PYTEST_DONT_REWRITE.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, Callable, Optional

ITEMS = "items"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PURE = _words(
    "Path any all bool dict enumerate frozenset getattr hasattr int isinstance issubclass len list"
    " max min range set sorted str sum tuple type zip"
)
"""Functions that change nothing, whoever calls them how often."""

PURE_METHODS = _words(
    "config.getoption config.getini config.getvalue os.getenv os.environ.get shutil.which"
    " pathlib.Path os.path.join os.path.basename os.path.dirname os.path.relpath"
    " importlib.util.find_spec"
)

PURE_MODULES = ("pytest.mark.", "re.", "sys.platform.", "platform.", "log.", "logger.", "logging.")

QUESTIONS = _words(
    "as_posix count difference endswith exists find format fullmatch get getoption getini group"
    " groups index intersection is_absolute is_dir is_file is_relative_to isdisjoint issubset"
    " issuperset items join keys lower lstrip match partition relative_to replace resolve"
    " rpartition rsplit rstrip search split startswith strip title union upper values"
)
"""Methods that change nothing, by whatever they may be answered."""

SHARED = frozenset({"session", "config", "ihook", "stash", "_store"})
"""What a test leads to that is not its own."""

STATEMENTS = (
    ast.AnnAssign,
    ast.Assign,
    ast.Expr,
    ast.For,
    ast.If,
    ast.Import,
    ast.ImportFrom,
    ast.Pass,
    ast.Return,
)


class NotPlain(Exception):
    """The hook does something else."""


def is_per_item(function: Callable[..., Any], config: Any) -> bool:
    """Whether a ``pytest_collection_modifyitems`` does the same for one file's tests as for all."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
        (definition,) = tree.body
        if not isinstance(definition, ast.FunctionDef) or ITEMS not in _parameters(definition):
            return False
        _Reader({**function.__globals__, "config": config}).block(definition.body)
    except (NotPlain, OSError, SyntaxError, TypeError, ValueError, AttributeError):
        return False
    return True


def _parameters(definition: ast.FunctionDef) -> set[str]:
    return {argument.arg for argument in definition.args.args}


class _Reader:
    """Goes through a hook's statements; raises at the first that is not plain."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.names = names
        self.outer: set[str] = set()
        """Names that have a value before the loop over the tests."""

    def block(self, statements: Sequence[ast.stmt]) -> None:
        """Statements outside of the loop: they happen once for each file then."""
        for statement in statements:
            if not isinstance(statement, STATEMENTS):
                raise NotPlain
            if isinstance(statement, ast.For):
                self._loop(statement)
            elif isinstance(statement, ast.If):
                self._choice(statement)
            else:
                self._expressions([statement])
                self.outer |= _stored(statement)

    def _choice(self, statement: ast.If) -> None:
        self._expressions([statement.test])
        chosen = self._decided(statement.test)
        if chosen is not False:
            self.block(statement.body)
        if chosen is not True:
            self.block(statement.orelse)

    def _decided(self, test: ast.expr) -> Optional[bool]:
        """What the condition is in this session, if it depends on nothing but its options."""
        used = {node.id for node in ast.walk(test) if isinstance(node, ast.Name)}
        if used & (self.outer | {ITEMS}) or not used <= {"config", *PURE}:
            return None
        try:
            return bool(eval(compile(ast.Expression(test), "<hook>", "eval"), dict(self.names)))
        except Exception:  # whatever a plugin's option does
            return None

    def _loop(self, loop: ast.For) -> None:
        """``for item in items``, where no test's turn changes another's."""
        is_over_items = isinstance(loop.iter, ast.Name) and loop.iter.id == ITEMS
        if not is_over_items or not isinstance(loop.target, ast.Name) or loop.orelse:
            raise NotPlain
        own = {loop.target.id}.union(*map(_stored, loop.body))
        if own & self.outer:
            raise NotPlain  # something is carried from one test to the next
        for node in _all(loop.body):
            if isinstance(node, (ast.Break, ast.Return, ast.AugAssign, ast.Delete, ast.With)):
                raise NotPlain
        self._expressions(loop.body, loop.target.id)

    def _expressions(self, nodes: Sequence[ast.AST], item: str = "") -> None:
        """``item``: the test at hand, which may be changed."""
        for node in _all(nodes):
            if isinstance(node, FORBIDDEN) or (isinstance(node, ast.Name) and node.id == ITEMS):
                raise NotPlain
            is_stored = isinstance(getattr(node, "ctx", None), (ast.Store, ast.Del))
            if is_stored and isinstance(node, (ast.Attribute, ast.Subscript)):
                if not _is_own(node, item):
                    raise NotPlain
            elif isinstance(node, ast.Call) and not _is_harmless(node.func, item):
                raise NotPlain


FORBIDDEN = (
    ast.Await,
    ast.ClassDef,
    ast.FunctionDef,
    ast.Global,
    ast.Lambda,
    ast.NamedExpr,
    ast.Nonlocal,
    ast.Yield,
    ast.YieldFrom,
)


def _is_own(node: ast.AST, item: str) -> bool:
    """Whether an expression such as ``item.keywords["slow"]`` is of this test alone."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        if isinstance(node, ast.Attribute) and node.attr in SHARED:
            return False
        node = node.value
    return isinstance(node, ast.Name) and node.id == item


def _is_harmless(function: ast.AST, item: str) -> bool:
    """Whether a call changes nothing, or nothing but this test."""
    name = _dotted(function)
    if name in PURE or name in PURE_METHODS or name.startswith(PURE_MODULES):
        return True
    is_question = isinstance(function, ast.Attribute) and function.attr in QUESTIONS
    return is_question or (isinstance(function, ast.Attribute) and _is_own(function, item))


def _all(nodes: Sequence[ast.AST]) -> Iterable[ast.AST]:
    return (inner for node in nodes for inner in ast.walk(node))


def _stored(statement: ast.AST) -> set[str]:
    stores = (ast.Store, ast.Del)
    names = (node for node in ast.walk(statement) if isinstance(node, ast.Name))
    return {name.id for name in names if isinstance(name.ctx, stores)}


def _dotted(node: ast.AST) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""
