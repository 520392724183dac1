"""The faults that can be switched on, and how each of them behaves.

`TRACKER_FAULTS` names them, separated by commas. With none of them the application is
correct under any number of clients. Only this module knows chances and times; the other
modules ask it at the one place where a fault can strike.
"""

import random
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum

# Between reading and writing back the shared counter. The spread matters more than the
# length: with equal pauses two clients fall into step and neither sees its own loss.
RACE_PAUSE_S = (0.001, 0.02)
FLAKY_CHANCE = 1 / 12
REPORTS_AT_ONCE = 2


class Fault(Enum):
    RACE = "race"
    """The shared counter is read and written back without a lock."""
    PAGING = "paging"
    """Lists are oldest first, so a new record leaves page 1 past the hundredth."""
    FLAKY = "flaky"
    """A search answers 500 now and then."""
    LIMIT = "limit"
    """A third report at the same time answers 503."""


class TooManyReports(Exception):
    """Raised instead of making one report more than the limit allows."""


@dataclass
class Faults:
    active: frozenset[Fault] = frozenset()
    seed: int = 1
    _reports: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._random = random.Random(self.seed)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Faults":
        """Raises ValueError, in words for the user, if a variable makes no sense."""
        names = environment.get("TRACKER_FAULTS", "").split(",")
        seed = environment.get("TRACKER_SEED") or "1"
        try:
            number = int(seed)
        except ValueError:
            raise ValueError(f"TRACKER_SEED must be a whole number, not {seed!r}") from None
        return cls(frozenset(parse_fault(name) for name in names if name.strip()), number)

    def __contains__(self, fault: Fault) -> bool:
        return fault in self.active

    def __str__(self) -> str:
        return ", ".join(sorted(fault.value for fault in self.active)) or "none"

    def race_pause_s(self) -> float:
        with self._lock:
            return self._random.uniform(*RACE_PAUSE_S)

    def search_breaks(self) -> bool:
        if Fault.FLAKY not in self:
            return False
        with self._lock:
            return self._random.random() < FLAKY_CHANCE

    @contextmanager
    def one_report(self) -> Iterator[None]:
        """Holds one of the places for reports; raises TooManyReports if none is free."""
        with self._lock:
            if Fault.LIMIT in self and self._reports >= REPORTS_AT_ONCE:
                raise TooManyReports(f"only {REPORTS_AT_ONCE} reports at the same time")
            self._reports += 1
        try:
            yield
        finally:
            with self._lock:
                self._reports -= 1


def parse_fault(name: str) -> Fault:
    try:
        return Fault(name.strip())
    except ValueError:
        known = ", ".join(fault.value for fault in Fault)
        raise ValueError(
            f"unknown fault {name.strip()!r} in TRACKER_FAULTS; known are: {known}"
        ) from None
