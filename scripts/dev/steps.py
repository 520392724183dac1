"""Steps of the check: each is run, timed and counted, and a failed one stops no other."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

CARGO_CLOSING = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored", re.M)
PYTEST_CLOSING = re.compile(r"^=+ (.+) in [\d.]+s.* =+$", re.M)
PYTEST_COUNT = re.compile(r"(\d+) (\w+)")


@dataclass(frozen=True)
class Counts:
    """How many tests ended in which way."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped
        )

    def __str__(self) -> str:
        line = f"{self.passed} passed, {self.failed} failed"
        return f"{line}, {self.skipped} skipped" if self.skipped else line


class Failed(Exception):
    """A step has found something wrong; the text is all that helps to understand it."""

    def __init__(self, text: str, counts: Counts | None = None) -> None:
        super().__init__(text)
        # A test runner that fails before its first test has failed as a step.
        self.counts = counts if counts and counts.failed else Counts(failed=1)


class Skipped(Exception):
    """A step cannot be done on this machine; the text is a sentence that says why."""


class Steps:
    """Runs steps and adds up what they count."""

    def __init__(self) -> None:
        self.counts = Counts()
        self._failed: list[str] = []

    def run(self, title: str, body: Callable[[], Counts | None]) -> bool:
        """Does one step: 1 passed unless the body counts tests itself. Tells whether it passed."""
        print(f"-- {title}", flush=True)
        begun = time.monotonic()
        try:
            counts = body() or Counts(passed=1)
            word = "ok" if counts.passed == 1 else f"ok ({counts})"
        except Skipped as reason:
            counts, word = Counts(skipped=1), f"skipped: {reason}"
        except Failed as failure:
            counts, word = failure.counts, "FAILED"
            self._failed.append(title)
            print(failure, flush=True)
        self.counts += counts
        print(f"   {word}, {time.monotonic() - begun:.1f} s", flush=True)
        return word.startswith("ok")

    def close(self) -> int:
        """Prints which steps failed, and the sum alone on the last line; the exit code."""
        for title in self._failed:
            print(f"failed: {title}")
        print(self.counts, flush=True)
        return 1 if self.counts.failed else 0


def count_cargo(output: str) -> Counts:
    """Adds up the closing lines of all of cargo's test binaries."""
    counts = Counts()
    for passed, failed, ignored in CARGO_CLOSING.findall(output):
        counts += Counts(int(passed), int(failed), int(ignored))
    return counts


def count_pytest(output: str) -> Counts:
    """Reads pytest's closing line. An expected failure is a pass."""
    closing = PYTEST_CLOSING.findall(output)
    found = (
        {word: int(number) for number, word in PYTEST_COUNT.findall(closing[-1])} if closing else {}
    )
    return Counts(
        passed=sum(found.get(word, 0) for word in ("passed", "xfailed", "xpassed")),
        failed=sum(found.get(word, 0) for word in ("failed", "error", "errors")),
        skipped=found.get("skipped", 0),
    )
