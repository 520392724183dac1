"""The words of the lab: a test case with its truth, and what a cause is planted with."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from textwrap import dedent
from typing import Any

from planting.chooser import Chooser


class Kind(StrEnum):
    """A verdict's kind, as `pnl show --format json` names it."""

    STABLE = "stable"
    BROKEN = "broken"
    FLAKY_ALONE = "flaky-alone"
    ORDER_DEPENDENT = "order-dependent"
    INTERFERES_WITH = "interferes-with"
    LOAD_SENSITIVE = "load-sensitive"
    ACCUMULATES = "accumulates"
    INFRASTRUCTURE = "infrastructure"


@dataclass(eq=False)
class Case:
    """A test function to be written, and the truth about it.

    `culprits` are those that may rightly be named. They must be named where the kind is
    `order-dependent` or `interferes-with`.
    """

    body: str
    cause: str
    kind: Kind = Kind.STABLE
    fixtures: tuple[str, ...] = ("server",)
    imports: tuple[str, ...] = ()
    above: str = ""
    mark: str = ""
    culprits: list["Case"] = field(default_factory=list)
    cleaners: list["Case"] = field(default_factory=list)
    rate: float | None = None
    since_round: int | None = None
    workers: int | None = None
    also: dict[Kind, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.body = dedent(self.body).strip()
        self.above = dedent(self.above).strip()


@dataclass
class Planting:
    """A cause: its cases, what the server does for it, and modules of the product that it needs."""

    cases: list[Case]
    server: dict[str, dict[str, Any]] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)
    registers: bool = False
    """Each test of the suite registers with the server."""
    together: bool = False
    """Where its cases lie makes a difference: sometimes one class, one file, or each elsewhere."""


Plant = Callable[[Chooser], Planting]
