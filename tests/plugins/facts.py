"""What plugins leave behind, in a form that is the same whichever way their suite was run.

Each function looks at one finished run. What it returns is compared with plain pytest's; what is
wrong in itself, or missing, it raises as `Wrong`.
"""

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class Wrong(Exception):
    """The plugin's work is missing or contradicts itself; the text is for the table's cell."""


@dataclass(frozen=True)
class Left:
    """A finished run."""

    folder: Path
    output: str
    rounds: int
    # The test that kills its worker, if there is one.
    killed: str


def facts_of(name: str) -> Callable[[Left], Any]:
    return FACTS[name]


def nothing(left: Left) -> None:
    """For plugins whose work is in the outcomes alone."""


def covered_lines(left: Left) -> dict[str, list[int]]:
    report = load(left.folder / "coverage.json")
    return {name: file["executed_lines"] for name, file in report["files"].items()}


def own_databases(left: Left) -> bool:
    return all_different(left.folder, "databases-*")


def own_ports(left: Left) -> bool:
    return all_different(left.folder, "port-*")


def all_different(folder: Path, pattern: str) -> bool:
    """Whether no two workers have noted the same."""
    noted = [file.read_text() for file in sorted(folder.glob(pattern))]
    if not noted:
        raise Wrong(f"no {pattern}")
    return len(set(noted)) == len(noted)


def browser_artefacts(left: Left) -> dict[str, int]:
    """Traces, screenshots and videos of each test, of one round on average."""
    found = Counter(
        f"{file.parent.name}/{file.name}" for file in (left.folder / "test-results").rglob("*.*")
    )
    if not found:
        raise Wrong("no artefacts")
    if any(count % left.rounds for count in found.values()):
        raise Wrong(f"not {left.rounds} of each: {found}")
    return {name: count // left.rounds for name, count in found.items()}


def html_report(left: Left) -> dict[str, list[str]]:
    text = need(left.folder / "report.html").read_text()
    data = re.search(r'data-jsonblob="([^"]*)"', text)
    if data is None:
        raise Wrong("no data in report.html")
    tests = json.loads(data[1].replace("&#34;", '"').replace("&amp;", "&"))["tests"]
    return {test: sorted(row["result"] for row in rows) for test, rows in tests.items()}


def json_report(left: Left) -> dict[str, Any]:
    report = load(left.folder / "report.json")
    outcomes = {test["nodeid"]: test["outcome"] for test in report["tests"]}
    return {"tests": outcomes, "summary": report["summary"], "exitcode": report["exitcode"]}


def allure_results(left: Left) -> dict[str, str]:
    """Without the test that kills its worker, and so never writes its result."""
    found = {}
    for file in (left.folder / "results").glob("*-result.json"):
        result = load(file)
        found[f"{result['fullName']} {result['name']}"] = result["status"]
    if "stale of an older run" in found:
        raise Wrong("--clean-alluredir did not clean")
    name = left.killed.rpartition("::")[2]
    return {test: status for test, status in found.items() if name not in test}


def one_seed(left: Left) -> bool:
    """The seed is set anew for each test: all draw the same, and the seed is said."""
    drawn = {file.read_text() for file in left.folder.glob("drawn-*")}
    seeds = set(re.findall(r"(?:seed is |seed=)(\d+)", left.output))
    if not drawn or len(seeds) != 1:
        raise Wrong(f"{len(drawn)} values drawn, {len(seeds)} seeds said")
    return len(drawn) == 1


def attempts(left: Left) -> dict[str, int]:
    return {file.name: len(file.read_text()) for file in left.folder.glob("attempts-*")}


def stored_durations(left: Left) -> list[str]:
    return sorted(load(left.folder / ".test_durations"))


def kept_examples(left: Left) -> dict[str, Any]:
    """The examples of a test without chance, and whether a failure's is kept for the next run."""
    drawn = need(left.folder / "examples").read_text().splitlines()
    kept = [file for file in (left.folder / ".hypothesis" / "examples").rglob("*")]
    return {"drawn": drawn, "kept": bool(kept)}


def unused_snapshots(left: Left) -> list[str]:
    """What syrupy says at the end of which snapshots no test asked for."""
    said = re.findall(r"\d+ snapshots? (?:passed|failed|unused)", left.output)
    if not said:
        raise Wrong("no report of snapshots")
    return sorted(said)


def displays(left: Left) -> int:
    """How many tests had a display."""
    return len([file for file in left.folder.glob("display-*") if file.read_text()])


def load(file: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(need(file).read_text()))
    except json.JSONDecodeError as error:
        raise Wrong(f"{file.name} is broken: {error}") from error


def need(file: Path) -> Path:
    if not file.exists():
        raise Wrong(f"no {file.name}")
    return file


FACTS: dict[str, Callable[[Left], Any]] = {
    function.__name__: function
    for function in (
        nothing,
        covered_lines,
        own_databases,
        own_ports,
        browser_artefacts,
        html_report,
        json_report,
        allure_results,
        one_seed,
        attempts,
        stored_durations,
        kept_examples,
        unused_snapshots,
        displays,
    )
}
