"""One work, done by all its ways in turn, and what can be said of them."""

import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from dev import machine

from . import command
from .command import Command, Measured
from .counts import Counts, Unreadable
from .places import Place, Places
from .ways import Way
from .works import Work

Say = Callable[[str], None]
# pytest's statuses of a session that ran its tests: all passed, some failed.
RAN = (0, 1)
# Of what a way that failed printed; its last lines say why.
TAIL = 300


@dataclass
class Entry:
    """What one way came to."""

    key: str
    title: str
    tests: str = ""
    # Why its figures count for nothing: it did not do the same work, or none.
    fault: str = ""
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    own_cpu: list[float] = field(default_factory=list)
    peak: list[float] = field(default_factory=list)


@dataclass
class Result:
    """What is kept of a work, as JSON."""

    key: str
    title: str
    rounds: int
    tests: int
    # UTC.
    when: str
    # What the machine is, and how many processes wanted it at the start.
    machine: str
    load: float
    entries: list[Entry]

    def entry(self, key: str) -> Entry | None:
        return next((entry for entry in self.entries if entry.key == key), None)

    def ratios(self, key: str, figure: str = "wall") -> list[float]:
        """By run, pnl's divided by the other's; empty if either did not do the same work."""
        mine, theirs = self.entry("pnl"), self.entry(key)
        if mine is None or theirs is None or mine.fault or theirs.fault:
            return []
        pairs = zip(getattr(mine, figure), getattr(theirs, figure), strict=False)
        return [a / b for a, b in pairs if b]

    def ratio(self, key: str, figure: str = "wall") -> float | None:
        found = self.ratios(key, figure)
        return statistics.median(found) if found else None


class Contest:
    """The ways alternate, and every second run has them in the opposite order."""

    def __init__(self, work: Work, places: Places, say: Say) -> None:
        self.work = work
        self.say = say
        self._places = places
        self._entries: dict[str, Entry] = {}
        self._ready: list[tuple[Way, Place]] = []
        self._expected: Counts | None = None
        self._status = 0

    def run(self, runs: int) -> Result:
        load = os.getloadavg()[0]
        when = time.strftime("%Y-%m-%d %H:%M", time.gmtime())
        self._prepare()
        described = describe_machine()
        try:
            self._warm_up()
            for number in range(runs):
                order = self._ready if number % 2 == 0 else self._ready[::-1]
                for way, place in order:
                    if not self._entries[way.key].fault or self._entries[way.key].tests:
                        self._measure(way, place)
        finally:
            self._close()
        tests = sum(self._expected.by_outcome.values()) if self._expected else 0
        kept = [self._entries[way.key] for way in self.work.ways]
        about = (when, described, load)
        return Result(self.work.key, self.work.title, self.work.rounds, tests, *about, kept)

    def _prepare(self) -> None:
        for way in self.work.ways:
            entry = self._entries[way.key] = Entry(way.key, way.title)
            try:
                place = self._places.get(self.work.suite, way.setting)
            except machine.Unavailable as problem:
                entry.fault = f"could not be had: {str(problem).strip().splitlines()[-1]}"
                self.say(f"{way.title}: {entry.fault}")
                continue
            if self.work.only:
                place = replace(place, paths=[self.work.only])
            self._ready.append((way, place))

    def _warm_up(self) -> None:
        """One round of each, not timed; real pytest says what there is to run."""
        real = [pair for pair in self._ready if pair[0].key in ("pytest", "xdist")]
        reference = real[0]
        for way, place in [reference, *(pair for pair in self._ready if pair != reference)]:
            found = self._do(way, place, 1)
            self._judge(way, found, 1)

    def _measure(self, way: Way, place: Place) -> None:
        found = self._do(way, place, self.work.rounds)
        entry = self._entries[way.key]
        self._judge(way, found, self.work.rounds)
        entry.wall.append(round(found.wall, 3))
        entry.own_cpu.append(found.own_cpu)
        if not way.leaves_daemon:
            entry.cpu.append(round(found.cpu, 3))
        if found.peak is not None:
            entry.peak.append(round(found.peak, 1))
        self.say(f"{way.title}: {found.wall:.2f} s, CPU {found.cpu:.2f} s, {entry.tests}")

    def _do(self, way: Way, place: Place, rounds: int) -> Measured:
        with place.beside() as added:
            env = {**place.env, **added}
            words = way.words(place, rounds)
            one = Command(words, place.folder, env, leaves_daemon=way.leaves_daemon)
            return command.measure(one, memory=self.work.memory)

    def _judge(self, way: Way, found: Measured, rounds: int) -> None:
        entry = self._entries[way.key]
        try:
            counts = way.read(found.output, rounds)
        except Unreadable as problem:
            entry.fault = f"exit status {found.status}, {problem}"
            self.say(f"{way.title}: {entry.fault}\n{found.output[-TAIL:]}")
            return
        entry.tests = str(counts)
        if self._expected is None:
            self._expected, self._status = counts, found.status
        expected = self._expected.times(rounds)
        fault = ""
        if counts.differs(expected):
            fault = f"{counts} instead of {expected}"
        elif found.status != self._status or found.status not in RAN:
            fault = f"exit status {found.status} instead of {self._status}"
        if fault:
            self.say(f"{way.title}: {fault}")
            # One such run is enough: the outcomes of the others may be luck.
            entry.fault = entry.fault or fault

    def _close(self) -> None:
        for way, place in self._ready:
            if way.leaves_daemon:
                command.measure(Command(list(way.closing), place.folder, place.env))


def describe_machine() -> str:
    """Cores, memory and what runs the programs."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores, {memory:.0f} GiB, Linux, Python {platform.python_version()}"


def read(file: Path) -> Result | None:
    """What an earlier run came to."""
    if not file.exists():
        return None
    found = json.loads(file.read_text())
    found["entries"] = [Entry(**entry) for entry in found["entries"]]
    return Result(**found)


def write(file: Path, result: Result) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(asdict(result), indent=1) + "\n")
