"""Runs a suite in all ways, and tells in which of them a test ends otherwise than under pytest."""

from dataclasses import dataclass, field

from dev import outcomes, ways
from dev.outcomes import Difference, Executions
from dev.ways import Place, Run, Way
from suites import Suite

# pytest's statuses of a session that ran its tests: all passed, some failed.
RAN = (0, 1)
# Differing tests that are run again, each alone in a pytest of its own.
ALONE = Way("alone", (), is_pnl=False)
ALONE_LIMIT = 10


@dataclass
class Verdict:
    """What the table says of one suite under one version of pytest."""

    tests: int = 0
    summary: str = ""
    # Why pytest itself does not run the suite in this version; empty if it does.
    not_borne: str = ""
    # By the way's title.
    cells: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


class Examination:
    """One suite, and what two runs of plain pytest say of it."""

    def __init__(self, suite: Suite, place: Place) -> None:
        self.suite = suite
        self.place = place
        self.first = self._run(ways.PYTEST)
        again = self._run(ways.PYTEST)
        pair = outcomes.differences(self.first.executions, again.executions)
        # A test that one run has and the other has not: its parameters are made anew each time.
        self.unstable = [d.test for d in pair if not d.expected or not d.found]
        self.plain = self._stable(self.first.executions)
        self.flaky = {
            d.test for d in outcomes.differences(self.plain, self._stable(again.executions))
        }

    def verdict(self) -> Verdict:
        if self.first.status not in RAN or not self.plain:
            return Verdict(not_borne=why_not(self.first).replace(f"{self.place.folder}/", ""))
        verdict = Verdict(len(self.plain), outcomes.summary(self.plain))
        if self.unstable:
            count = len({outcomes.base(test) for test in self.unstable})
            verdict.notes.append(f"ids of {count} parametrized tests differ from run to run")
        for test in sorted(self.flaky):
            verdict.notes.append(f"flaky under plain pytest: {code(test)}")
        for way in (ways.XDIST, *ways.PNL):
            verdict.cells[way.title], notes = self._compare(way)
            verdict.notes += notes
        return verdict

    def _run(self, way: Way) -> Run:
        print(f"   {way.title}", flush=True)
        run = ways.run(way, self.place, self.suite.paths, self.suite.options)
        file = self.place.scratch / f"{way.title.replace(' ', '')}.out"
        file.write_text(run.output)
        return run

    def _stable(self, executions: Executions) -> Executions:
        return outcomes.without_parameters(executions, self.unstable)

    def _differing(self, run: Run) -> list[Difference]:
        pair = outcomes.differences(self.plain, self._stable(run.executions))
        return [difference for difference in pair if difference.test not in self.flaky]

    def _compare(self, way: Way) -> tuple[str, list[str]]:
        """The table's cell, and sentences on what is not equal."""
        run = self._run(way)
        if run.refused:
            return "refused", []
        found = self._differing(run)
        if not found:
            return self._judge_status(way, run)
        again = {difference.test for difference in self._differing(self._run(way))}
        return f"{len(found)} differ", [
            f"{way.title}: {self._sentence(difference, again, position)}"
            for position, difference in enumerate(found)
        ]

    def _judge_status(self, way: Way, run: Run) -> tuple[str, list[str]]:
        if run.status == self.first.status or self.flaky:
            return "equal", []
        text = f"{way.title}: exit status {run.status} instead of {self.first.status}"
        return f"exit {run.status}", [text]

    def _sentence(self, difference: Difference, again: set[str], position: int) -> str:
        here, there = outcomes.words(difference.expected), outcomes.words(difference.found)
        text = f"{code(difference.test)} {here} → {there}"
        if difference.test not in again:
            text += ", not in a second run"
        if position < ALONE_LIMIT and difference.expected and "[…]" not in difference.test:
            text += f"; alone under pytest: {self._alone(difference.test)}"
        return text

    def _alone(self, test: str) -> str:
        """How the test ends in a pytest that runs nothing else: what it owes to others is gone."""
        file = test.partition("::")[0]
        if not (self.place.folder / file).exists():
            return "not tried"  # a test of an installed package
        run = ways.run(ALONE, self.place, [test], self.suite.options)
        return outcomes.words(sorted(outcome for _, outcome in run.executions))


def why_not(run: Run) -> str:
    """The line that says most of why pytest did not run the tests."""
    lines = [line.strip() for line in run.output.splitlines() if line.strip()]
    marked = [line for line in lines if line.startswith(("E ", "ERROR", "pytest.UsageError"))]
    return (marked or lines or [f"exit status {run.status}"])[-1].removeprefix("E ").strip()


def code(text: str) -> str:
    """Text of a suite as code in Markdown, whatever is in it."""
    visible = text.encode("unicode_escape").decode().replace("`", "'")
    return f"`{visible}`"
