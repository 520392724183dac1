"""docs/plugins.md, from the verdicts."""

from dataclasses import dataclass
from pathlib import Path

from rows import Row

OPENING = """\
<!-- Made by `./check --plugins`: run it to change this page. -->

# Plugins

Each row is a small suite (`tests/plugins/`) that was run for real by `pytest`, by `pytest -n 2` and
by `pnl test -n 2` with both engines. **same**: every test ended as under plain pytest, and what the
plugin left behind (a report, coverage, artefacts, databases, what it says at the end) is the same.
**says so**: it cannot do its work beside other tests, and pnl says that and what to do. Anything
else is what was not the same.

"""
HEADS = ["plugin", "version", "pytest", "pytest -n 2", "pnl, fork", "pnl, spawn", "remark"]


@dataclass(frozen=True)
class Verdict:
    """A row's cells."""

    pytest: str
    xdist: str
    fork: str
    spawn: str


def write(file: Path, verdicts: list[tuple[Row, Verdict]]) -> None:
    """Writes the page anew."""
    lines = [line(HEADS), line(["---"] * len(HEADS))]
    for row, verdict in verdicts:
        cells = [verdict.pytest, verdict.xdist, verdict.fork, verdict.spawn]
        lines.append(line([row.title, row.version, *cells, row.remark]))
    file.write_text(OPENING + "\n".join(lines) + "\n")


def line(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
