"""Draws numbers and names that tell nothing."""

import random
from collections.abc import Callable
from pathlib import Path

NOUNS = Path(__file__).with_name("nouns.txt").read_text().split()


class Chooser:
    """A source of chance with the lab's seed; no name is given twice."""

    def __init__(self, seed: int, workers: int) -> None:
        self.random = random.Random(f"lab {seed}")
        self.workers = workers
        self._taken: set[str] = set()

    def noun(self) -> str:
        """For a record, a module, a shelf."""
        left = [noun for noun in NOUNS if noun not in self._taken]
        if not left:
            return self._untaken(lambda: f"{self.random.choice(NOUNS)}{self.ms(1, 9999)}")
        return self._untaken(lambda: self.random.choice(left))

    def test_name(self) -> str:
        return self._untaken(
            lambda: f"test_{self.random.choice(NOUNS)}_{self.random.randint(1, 30)}"
        )

    def class_name(self) -> str:
        return self._untaken(lambda: f"Test{self.random.choice(NOUNS).title()}")

    def port(self) -> int:
        """Below the range from which Linux takes ports for outgoing connections."""
        return int(self._untaken(lambda: str(self.random.randint(20_000, 32_000))))

    def ms(self, low: int, high: int) -> int:
        return self.random.randint(low, high)

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def pause(self, low: int, high: int) -> str:
        """A line that takes so long, by the server's work or by waiting for something else."""
        ms = self.ms(low, high)
        return f'server.get("/wait?ms={ms}")' if self.chance(0.8) else f"time.sleep({ms / 1000})"

    def first(self, name: str) -> bool:
        """Whether nobody has asked for this before."""
        if name in self._taken:
            return False
        self._taken.add(name)
        return True

    def _untaken(self, draw: Callable[[], str]) -> str:
        while (name := draw()) in self._taken:
            pass
        self._taken.add(name)
        return name
