"""docs/fidelity.md, from the verdicts."""

from collections.abc import Iterator
from pathlib import Path

from dev import ways
from suites import Suite
from verdicts import Verdict, code

# Notes of one suite; more of them help nobody.
NOTES = 12

OPENING = """\
<!-- Made by `./check --corpus`: run it to change this page. -->

# Real suites: every test's outcome, beside pytest's

Test suites of others, in pinned versions (`tests/corpus/corpus.toml`), each run by plain `pytest`
and in the ways of the table. What is compared is the outcome of each test by its node id, tests
that ran twice or not at all included, and the exit status. The outcomes of plain pytest and of
xdist are taken by a plugin that shares no code with pnl.

- **equal**: every test ended as under plain pytest.
- **N differ**: so many tests did not; each is below the table.
- **refused**: xdist ran no test, as its workers did not collect the same ones.
- Tests that differ between two runs of plain pytest are flaky; they are named below the table and
  not compared.
"""


def write(file: Path, verdicts: list[tuple[Suite, Verdict]]) -> None:
    """Writes the page anew."""
    titles = [way.title for way in (ways.XDIST, *ways.PNL)]
    heads = ["suite", "pytest", "tests", "under pytest", *map(head, titles)]
    lines = [OPENING, row(heads), row(["---"] * len(heads))]
    lines += [row(cells(suite, verdict, titles)) for suite, verdict in verdicts]
    lines += ["", "## What is not equal, and what is unusual", "", *remarks(verdicts)]
    lines += ["", "## The suites", ""]
    whys = {suite.name: f"- {suite.name} {suite.version}: {suite.why}" for suite, _ in verdicts}
    file.write_text("\n".join([*lines, *whys.values()]) + "\n")


def head(title: str) -> str:
    return title if title.startswith("pytest") else f"pnl {title}"


def cells(suite: Suite, verdict: Verdict, titles: list[str]) -> list[str]:
    name = f"{suite.name} {suite.version}"
    if verdict.not_borne:
        return [name, suite.pytest, "", "does not run", *("" for _ in titles)]
    found = [verdict.cells[title] for title in titles]
    return [name, suite.pytest, f"{verdict.tests:,}", verdict.summary, *found]


def row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def remarks(verdicts: list[tuple[Suite, Verdict]]) -> Iterator[str]:
    for suite, verdict in verdicts:
        notes = list(verdict.notes)
        if verdict.not_borne:
            notes.append(f"plain pytest does not run it: {code(verdict.not_borne)}")
        if not notes:
            continue
        yield f"- {suite.name} under pytest {suite.pytest}:"
        yield from (f"  - {note}" for note in notes[:NOTES])
        if len(notes) > NOTES:
            yield f"  - and {len(notes) - NOTES} more"
