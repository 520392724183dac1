"""What a plugin that needs a hand can have done for it, and when. PYTEST_DONT_REWRITE."""

from __future__ import annotations

import dataclasses
import fcntl
import os
from collections.abc import Iterator

import pytest

Notice = tuple[str, str]
"""Level and text."""


@dataclasses.dataclass(frozen=True)
class Share:
    """What part of a run this process is."""

    role: str
    # What all processes of the run have in common.
    folder: str
    run: str
    # Of all processes that would say or do something, the one that does.
    is_first: bool

    @property
    def is_spawned(self) -> bool:
        """Whether no template has collected the tests: this process sees no other's reports."""
        return self.role == "worker"


class Guest:
    """One plugin, in the template and in each spawned worker. By default it needs nothing."""

    def __init__(self, share: Share) -> None:
        self.share = share

    def before_configure(self, config: pytest.Config) -> None:
        """Changes options before their plugin looks at them."""

    def after_configure(self) -> None:
        """The plugins have looked."""

    def notices(self, session: pytest.Session) -> Iterator[Notice]:
        """What is to be said once in a run, before the first test."""
        yield from ()


def lock(folder: str, name: str) -> int:
    """A lock among the workers of a run; it goes with the process that holds it."""
    held = os.open(os.path.join(folder, f"guest-{name}"), os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(held, fcntl.LOCK_EX)
    return held


def claim(held: int) -> bool:
    """Whether this is the first of the run to hold the lock."""
    if os.fstat(held).st_size:
        return False
    os.ftruncate(held, 1)  # which a full disk has room for
    return True


def asks_for(session: pytest.Session, fixture: str) -> bool:
    """Whether any of the tests has the fixture."""
    return any(fixture in getattr(item, "fixturenames", ()) for item in session.items)
