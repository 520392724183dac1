"""docs/benchmarks.md, from what was measured and what people wrote beside it (notes.toml)."""

import statistics
import tomllib
from collections.abc import Iterator
from pathlib import Path

from .contest import Entry, Result
from .goals import GOALS, Goal, Results

OPENING = """\
<!-- Made by `python3 benches/run.py`: run it to change the figures; reasons and notes are in
benches/notes.toml. -->

# Benchmarks

pnl beside pytest, pytest-xdist and others that claim to be faster, as whole processes: from the
command to the prompt. Seconds drift from one hour to the next on a shared machine, so what counts
is the **ratio** of pnl's time to the other's: the commands of a work run in turn, in the opposite
order every second time, after a warm-up that is not timed, and the ratio is taken run by run. The
median is given, then the lowest and the highest.

**No one wins by skipping.** Each command must report as many tests of each outcome as real pytest,
and exit with its status; one that does not is marked ✗ and has no ratio. (What was skipped is not
compared, as pytest counts files that are skipped whole: a test that was skipped instead of run
would be missing among those that passed.) CPU is the user and system time of all processes of a
command.
"""
PARTS = [
    ("Once", ("a-2", "a-8", "b-8", "c-")),
    ("Ten rounds", ("d-",)),
    ("Warm: one test, again and again", ("warm",)),
]
NEWER = """\
It replaces the package pytest, and needs another Python than that of the tables above: here pnl and
pytest have the same one as it.
"""


def write(file: Path, results: Results, notes: Path) -> None:
    """Writes the page anew; what was not measured is left out."""
    written = tomllib.loads(notes.read_text())
    lines = [OPENING, *about(results), "", "## Goals", "", *goals(results, written["reasons"])]
    for title, keys in PARTS:
        chosen = [r for r in results.values() if r.key.startswith(keys) and not is_newer(r)]
        if chosen:
            lines += ["", f"## {title}", "", *table(chosen)]
    measured = [result for result in results.values() if result.key.startswith("a-8")]
    if measured:
        lines += ["", "## Memory at 8 workers", "", *memory(measured)]
    newer = [result for result in results.values() if is_newer(result)]
    if newer:
        lines += ["", "## Beside pytest-rs", "", NEWER, *table(newer)]
    lines += ["", "## The others", "", *(f"- {text}" for text in written["others"])]
    lines += ["", "## Notes", "", *(f"- {text}" for text in written["notes"])]
    file.write_text("\n".join(lines) + "\n")


def about(results: Results) -> Iterator[str]:
    """When and on what it was measured."""
    found = results.values()
    days = sorted({result.when.split()[0] for result in found})
    loads = [result.load for result in found]
    runs = sorted({len(entry.wall) for result in found for entry in result.entries if entry.wall})
    yield f"Measured on {' and '.join(sorted({result.machine for result in found}))}"
    yield f"({', '.join(days)}; load at the start of a work {min(loads):.1f} to {max(loads):.1f};"
    yield f"runs of each command: {', '.join(map(str, runs))}). pytest and pytest-xdist are those"
    yield "of tests/corpus/corpus.toml, the newest that the suite bears."


def is_newer(result: Result) -> bool:
    return result.key.endswith("-rs")


def goals(results: Results, reasons: dict[str, str]) -> Iterator[str]:
    yield row("work", "against", "at most", "measured", "", "what holds it")
    yield row(*["---"] * 6)
    for goal in GOALS:
        found = goal.measure(results)
        most = f"{goal.most:.2f}" if not goal.unit else f"{goal.most:.0f}{goal.unit}"
        if found is None:
            yield row(goal.work, goal.against, most, "", "not measured", reasons.get(goal.key, ""))
            continue
        value = f"{found.value:.2f}" if not goal.unit else f"{found.value:.0f}{goal.unit}"
        verdict = "reached" if is_reached(goal, found.value) else "**not reached**"
        figure = f"{value} ({found.spread})"
        reason = "" if verdict == "reached" else reasons.get(goal.key, "")
        yield row(goal.work, goal.against, most, figure, verdict, reason)


def is_reached(goal: Goal, value: float) -> bool:
    return value <= goal.most


def table(results: list[Result]) -> Iterator[str]:
    yield row("work", "command", "time", "CPU", "pnl's time by it", "pnl's CPU by it", "tests")
    yield row(*["---"] * 7)
    for result in results:
        title = f"{result.title}, {result.rounds} rounds" if result.rounds > 1 else result.title
        for position, entry in enumerate(result.entries):
            name = f"{result.rounds} × `{entry.title}`" if result.rounds > 1 else f"`{entry.title}`"
            if position == 0 and result.rounds > 1:
                name = f"`{entry.title} --loop {result.rounds}`"
            yield row(title if position == 0 else "", name, *figures(result, entry))


def figures(result: Result, entry: Entry) -> list[str]:
    if not entry.wall:
        return ["", "", "", "", f"✗ {entry.fault}"]
    tests = f"✗ {entry.fault}" if entry.fault else entry.tests
    ratios = [spread(result.ratios(entry.key, figure)) for figure in ("wall", "cpu")]
    if entry.key == "pnl":
        ratios = ["", ""]
    return [seconds(entry.wall), seconds(entry.cpu), *ratios, tests]


def memory(results: list[Result]) -> Iterator[str]:
    yield "The highest sum over all processes of their proportional set sizes (PSS), which counts"
    yield "shared memory once."
    yield ""
    yield row("work", "command", "peak", "pnl's by it")
    yield row(*["---"] * 4)
    for result in results:
        for position, entry in enumerate(result.entries):
            if entry.peak and not entry.fault:
                title = result.title if position == 0 else ""
                peak = f"{statistics.median(entry.peak):.0f} MiB"
                by = "" if entry.key == "pnl" else spread(result.ratios(entry.key, "peak"))
                yield row(title, f"`{entry.title}`", peak, by)


def seconds(found: list[float]) -> str:
    return f"{statistics.median(found):.2f} s" if found else ""


def spread(found: list[float]) -> str:
    if not found:
        return ""
    return f"{statistics.median(found):.2f} ({min(found):.2f}–{max(found):.2f})"


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
