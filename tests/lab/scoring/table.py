"""Sums over labs, in words and as a page's table."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from scoring.judging import Row
from scoring.laboratory import Result


@dataclass(frozen=True)
class Score:
    """Over all tests that failed at all."""

    failing: int
    right: int
    wrongly_blamed: int
    """Tests whose verdict names one that is innocent."""

    @classmethod
    def of(cls, rows: Iterable[Row]) -> "Score":
        found = list(rows)
        right = sum(row.is_right for row in found)
        return cls(len(found), right, sum(bool(row.innocent) for row in found))


def summary(results: list[Result]) -> Iterator[str]:
    """The table that issue and page ask for."""
    yield from table(["", "from the loop alone", "after `pnl confirm`"], _sums(results))
    yield ""
    there = sum(result.seen.there for result in results)
    failed = sum(result.seen.failed for result in results)
    naive = sum(result.naive for result in results)
    spent = sum(result.confirmed.executions for result in results if result.confirmed)
    yield f"- Labs: {len(results)}, tests: {sum(result.tests for result in results):,}"
    yield f"- Tests that fail by themselves at 5% or more, seen: {share(failed, there)}"
    yield f"- Executions of each failing test with each other one × 20: {naive:,}"
    if spent:
        percent = 100 * spent / max(1, naive)
        yield f"- Executions of `pnl confirm`: {spent:,}, {percent:.2f}% of that"


def _sums(results: list[Result]) -> Iterator[list[str]]:
    stages = [
        [result.loop for result in results],
        [result.confirmed for result in results if result.confirmed],
    ]
    scores = [Score.of(row for stage in known for row in stage.rows) for known in stages]
    yield ["tests that failed", *(f"{score.failing:,}" for score in scores)]
    yield ["verdict right", *(share(score.right, score.failing) for score in scores)]
    yield [
        "an innocent test named",
        *(share(score.wrongly_blamed, score.failing) for score in scores),
    ]
    yield ["executions", *(f"{sum(stage.executions for stage in known):,}" for known in stages)]
    yield [
        "seconds a lab, mean",
        *(f"{sum(s.seconds for s in known) / max(1, len(known)):.0f}" for known in stages),
    ]


def families(loop: list[Row], confirmed: list[Row]) -> Iterator[str]:
    """Family by family, and the verdicts at the end; `confirmed` may be empty."""
    heads = ["family", "truth", "failed", "right from the loop", "right at the end", "verdicts"]
    yield from table(heads, _families(loop, confirmed or loop))


def _families(first: list[Row], last: list[Row]) -> Iterator[list[str]]:
    for truth, family in sorted({(row.truth, row.family) for row in first}):
        before, after = (
            [row for row in rows if (row.truth, row.family) == (truth, family)]
            for rows in (first, last)
        )
        right = [str(Score.of(rows).right) for rows in (before, after)]
        yield [family, truth, str(len(before)), *right, kinds(after)]


def kinds(rows: list[Row]) -> str:
    counted = Counter(row.verdict for row in rows)
    return ", ".join(f"{kind} {count}" for kind, count in counted.most_common())


def wrong(rows: Iterable[Row]) -> Iterator[str]:
    """Each wrong verdict with what is needed to look into it."""
    for row in rows:
        if row.is_right and not row.innocent:
            continue
        why = row.why or "an innocent test is named"
        yield f"seed {row.seed} {row.nodeid} ({row.family}, {row.failed}/{row.executed}): {why}"
        names = f"; innocent: {', '.join(row.innocent)}" if row.innocent else ""
        yield f"    said: {row.verdict}, confirmed {row.confirmed}{names}: {row.evidence}"
        if row.suspected:
            yield f"    truly: {row.suspected}"


def table(heads: list[str], rows: Iterable[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"| {' | '.join('---' for _ in heads)} |"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}% ({part} of {whole})" if whole else "–"
