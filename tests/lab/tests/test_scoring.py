"""Which verdicts are right, and who is wrongly blamed."""

from typing import Any

import pytest
from scoring import table
from scoring.judging import Row, judge, naive, seen

TRUE: dict[str, Any] = {
    "victim": {"verdict": "interferes-with", "culprits": ["culprit", "other"], "also": {}},
    "piling": {"verdict": "accumulates", "culprits": ["adder"], "also": {}},
    "pooled": {"verdict": "load-sensitive", "culprits": ["user"], "also": {"interferes-with": ""}},
    "often": {"verdict": "flaky-alone", "culprits": [], "also": {}, "rate": 0.05},
    "seldom": {"verdict": "flaky-alone", "culprits": [], "also": {}, "rate": 0.02},
    "steady": {"verdict": "stable", "culprits": [], "also": {}},
}


def row(nodeid: str, kind: str | None, *culprits: str, confirmed: bool | None = None) -> Row:
    verdict = {"kind": kind, "culprits": list(culprits), "evidence": "", "confirmed": confirmed}
    [found] = judge(truth(), {"tests": [shown(nodeid, 1, verdict if kind else None)]})
    return found


def truth() -> dict[str, Any]:
    common = {"family": "", "rate": None}
    return {"seed": 1, "tests": {name: {**common, **true} for name, true in TRUE.items()}}


def shown(nodeid: str, failed: int, verdict: dict[str, Any] | None = None) -> dict[str, Any]:
    counts = {"failed": failed, "error": 0, "timed_out": 0, "crashed": 0, "executions": 60}
    return {"nodeid": nodeid, "verdict": verdict, **counts}


@pytest.mark.parametrize(
    ("nodeid", "kind", "culprits"),
    [
        ("victim", "interferes-with", ["culprit"]),
        ("victim", "interferes-with", ["steady", "other"]),
        ("piling", "accumulates", []),
        ("pooled", "load-sensitive", []),
        ("pooled", "interferes-with", ["user"]),
        ("often", "flaky-alone", []),
    ],
)
def test_right(nodeid: str, kind: str, culprits: list[str]) -> None:
    assert row(nodeid, kind, *culprits).is_right


@pytest.mark.parametrize(
    ("nodeid", "kind", "culprits", "why"),
    [
        ("victim", "interferes-with", [], "names none of the culprits"),
        ("victim", "interferes-with", ["steady"], "names none of the culprits"),
        ("victim", "order-dependent", ["culprit"], "order-dependent, not interferes-with"),
        ("pooled", "interferes-with", ["steady"], "names none of the culprits"),
        ("steady", "flaky-alone", [], "flaky-alone, not stable"),
        ("often", None, [], "none, not flaky-alone"),
    ],
)
def test_wrong(nodeid: str, kind: str | None, culprits: list[str], why: str) -> None:
    assert row(nodeid, kind, *culprits).why == why


def test_who_has_nothing_to_do_with_it_is_innocent_whatever_the_kind() -> None:
    assert row("victim", "interferes-with", "steady", "other").innocent == ("steady",)
    assert row("often", "order-dependent", "steady").innocent == ("steady",)
    assert row("piling", "accumulates", "adder").innocent == ()


def test_where_experiments_refuted_a_verdict_what_they_found_instead_counts() -> None:
    assert row("victim", "interferes-with", "other", confirmed=False).is_right
    assert row("victim", "flaky-alone", confirmed=False).why == "flaky-alone, not interferes-with"


def test_only_what_failed_is_judged_and_often_flaky_tests_are_to_be_seen() -> None:
    loop = {"tests": [shown("often", 0), shown("seldom", 1), shown("steady", 0)]}
    assert [row.nodeid for row in judge(truth(), loop)] == ["seldom"]
    found = seen(truth(), loop)
    assert (found.there, found.failed) == (1, 0)
    assert seen(truth(), {"tests": [shown("often", 2)]}).failed == 1


def test_the_naive_count_tries_each_pair_twenty_times() -> None:
    assert naive([row("victim", None)] * 3, tests=50) == 3 * 49 * 20


def test_each_wrong_verdict_is_listed_with_what_repeats_it() -> None:
    rows = [row("victim", "interferes-with", "steady"), row("often", "flaky-alone")]
    lines = list(table.wrong(rows))
    assert lines[2] == "    truly: culprit is no suspect" and len(lines) == 3
    assert "seed 1 victim" in lines[0] and "innocent: steady" in lines[1]
    score = table.Score.of(rows)
    assert (score.failing, score.right, score.wrongly_blamed) == (2, 1, 1)


def test_families_have_what_was_right_before_and_after_experiments() -> None:
    before = [row("victim", "flaky-alone"), row("often", "flaky-alone")]
    after = [row("victim", "interferes-with", "other"), row("often", "flaky-alone")]
    assert list(table.families(before, after))[2:] == [
        "|  | flaky-alone | 1 | 1 | 1 | flaky-alone 1 |",
        "|  | interferes-with | 1 | 0 | 1 | interferes-with 1 |",
    ]
    assert "| 1 | 0 | 0 | flaky-alone 1 |" in list(table.families(before, []))[3]
