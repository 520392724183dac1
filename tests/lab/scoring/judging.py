"""One row for each test that failed at all: what is true, what was said, and if that is right."""

from dataclasses import dataclass
from typing import Any

# Of these kinds a verdict must name who is to blame, where somebody is.
BLAMING = ("order-dependent", "interferes-with")
FAILURES = ("failed", "error", "timed_out", "crashed")


@dataclass(frozen=True)
class Row:
    """A test that failed in the recorded loop."""

    seed: int
    nodeid: str
    family: str
    truth: str
    verdict: str
    """"none" where nothing was said."""
    is_right: bool
    innocent: tuple[str, ...]
    """Who is named and has nothing to do with it."""
    why: str
    """What is wrong about the verdict; empty if it is right."""
    failed: int
    executed: int
    evidence: str
    confirmed: bool | None
    suspected: str
    """Where the first true culprit is among the suspects, in words; empty where nobody is."""


def judge(truth: dict[str, Any], shown: dict[str, Any]) -> list[Row]:
    """Rows from a lab's truth and `pnl show --format json`."""
    return [
        _row(truth["seed"], test, truth["tests"][test["nodeid"]])
        for test in shown["tests"]
        if _failed(test)
    ]


def _failed(test: dict[str, Any]) -> int:
    return sum(int(test[outcome]) for outcome in FAILURES)


def _row(seed: int, test: dict[str, Any], true: dict[str, Any]) -> Row:
    verdict = test["verdict"] or {"kind": "none", "culprits": [], "evidence": ""}
    named = verdict["culprits"]
    why = _wrong(verdict, true)
    return Row(
        seed=seed,
        nodeid=test["nodeid"],
        family=true["family"],
        truth=true["verdict"],
        verdict=verdict["kind"],
        is_right=not why,
        innocent=tuple(name for name in named if name not in true["culprits"]),
        why=why,
        failed=_failed(test),
        executed=test["executions"],
        evidence=verdict["evidence"],
        confirmed=verdict.get("confirmed"),
        suspected=_suspected(test.get("suspects", []), true["culprits"]),
    )


def _suspected(suspects: list[dict[str, Any]], culprits: list[str]) -> str:
    if not culprits:
        return ""
    names = list(dict.fromkeys(suspect["nodeid"] for suspect in suspects))
    found = [place for place, name in enumerate(names, start=1) if name in culprits]
    if not found:
        return f"{culprits[0]} is no suspect"
    return f"{names[found[0] - 1]} is suspect {found[0]} of {len(names)}"


def _wrong(verdict: dict[str, Any], true: dict[str, Any]) -> str:
    """What is wrong about it; empty if it is right."""
    kind = verdict["kind"]
    if kind != true["verdict"] and kind not in true["also"]:
        return f"{kind}, not {true['verdict']}"
    if (
        kind in BLAMING
        and true["culprits"]
        and not set(verdict["culprits"]) & set(true["culprits"])
    ):
        return "names none of the culprits"
    return ""


@dataclass(frozen=True)
class Seen:
    """Tests that fail by themselves at 5% or more: how many there are, and how many failed."""

    there: int
    failed: int


def seen(truth: dict[str, Any], shown: dict[str, Any]) -> Seen:
    tests = {test["nodeid"]: test for test in shown["tests"]}
    often = [name for name, true in truth["tests"].items() if (true["rate"] or 0) >= 0.05]
    return Seen(len(often), sum(_failed(tests[name]) > 0 for name in often if name in tests))


def naive(rows: list[Row], tests: int) -> int:
    """Each failing test with each other one, twenty times: what it takes without a diagnosis."""
    return len(rows) * (tests - 1) * 20
