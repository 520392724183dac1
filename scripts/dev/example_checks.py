"""The example, end to end: its real server, its two suites, by every way that pnl offers.

Works on a copy of the example, so that a check leaves no history in the checkout.
"""

import json
import shutil
from functools import partial
from pathlib import Path

from . import commands, outcomes
from .machine import EXAMPLE, ROOT
from .outcomes import Executions
from .steps import Counts, Failed, Skipped, Steps, count_pytest
from .tracker import NotServing, Tracker, free_port
from .ways import PLUGIN_FOLDER
from .workbench import Workbench

WORKERS = "4"
# Two of the browser's tests are enough to see windows open.
HEADED = ["--scope", "tests/e2e/test_list_page.py", "--workers", "2"]


def check_example(steps: Steps, bench: Workbench) -> None:
    """All that needs the server, on one server."""
    folder = bench.scratch / "tracker"
    ignored = shutil.ignore_patterns(".pnl", "*.db*", "__pycache__", ".*_cache")
    shutil.copytree(EXAMPLE, folder, ignore=ignored)
    tracker = Tracker(bench.python, folder, bench.scratch / "tracker.db", free_port())
    env = {**bench.env_for_pnl, "E2E_BASE_URL": tracker.url}
    example = Example(bench, folder, env)
    try:
        with tracker.running(bench.env):
            example.check_suite(steps, "http")
            example.check_suite(steps, "e2e")
            steps.run("example: show", example.show)
            steps.run("example: scripts/run_e2e_loop.py", example.older_script)
            steps.run("example: headed without a display fails", example.headed_without_display)
            steps.run("example: headed loop under Xvfb", example.headed)
    except NotServing as problem:
        text = str(problem)
        steps.run("example: server", lambda: fail(text))
    steps.run("example: server gone", example.server_gone)


class Example:
    """The example's copy with its server's address in the environment."""

    def __init__(self, bench: Workbench, folder: Path, env: dict[str, str]) -> None:
        self._bench = bench
        self._folder = folder
        self._env = env

    def check_suite(self, steps: Steps, scope: str) -> None:
        """The same outcomes test by test: plain pytest -n, and pnl with two engines."""
        results: dict[str, Executions] = {}

        def pytest() -> Counts:
            self._need_browser(scope)
            counts, results["pytest"] = self._pytest(scope)
            return counts

        def engine(name: str) -> None:
            self._need_browser(scope)
            results[name] = self._engine(scope, name)

        def agreement() -> None:
            self._need_browser(scope)
            compare(results)

        steps.run(f"example: pytest tests/{scope} -n {WORKERS}", pytest)
        for name in ("fork", "xdist"):
            steps.run(f"example: pnl test {scope} --engine {name}", partial(engine, name))
        steps.run(f"example: outcomes of {scope} agree", agreement)

    def show(self) -> None:
        """The last run's sums are those of its tests."""
        shown = json.loads(self._pnl("show", "--format", "json"))
        if shown["schema"] != 1 or not shown["tests"]:
            raise Failed(f"pnl show --format json says {shown}")
        for outcome, total in shown["totals"].items():
            if total != sum(test[outcome] for test in shown["tests"]):
                raise Failed(f"totals.{outcome} is {total} in {json.dumps(shown, indent=1)}")
        self._pnl("show")
        self._pnl("history")

    def older_script(self) -> None:
        """Two rounds by the name that the loop once had; without a scope it takes the browser's."""
        script = str(ROOT / "scripts" / "run_e2e_loop.py")
        run = [str(self._bench.python), script, "2", "--workers", "2"]
        env = {**self._bench.env, "PNL_BIN": str(self._bench.pnl)}
        env["E2E_BASE_URL"] = self._env["E2E_BASE_URL"]
        self._run([*run, "--scope", "http"], env=env)
        planned = self._run([*run, "--dry-run"], env=env)
        for fact in ("scope        e2e", f"python       {self._bench.python} (", "rounds       2,"):
            if fact not in planned:
                raise Failed(f"{fact!r} is not in\n{planned}")
        lost = {**env, "PNL_BIN": str(self._folder / "nowhere")}
        self._run(run, env=lost, status=4)

    def headed_without_display(self) -> None:
        """Shows that --headed reaches the browser: there is nothing that it could open."""
        self._need_browser("e2e")
        env = {name: value for name, value in self._env.items() if name != "DISPLAY"}
        test = "tests/e2e/test_list_page.py"
        self._run(
            [str(self._bench.pnl), "test", test, "--headed", "--max-fail", "1"], env=env, status=1
        )

    def headed(self) -> None:
        self._need_browser("e2e")
        pnl = [str(self._bench.pnl), "loop", "2", "--headed", *HEADED]
        self._run(["xvfb-run", "--auto-servernum", *pnl], env=self._env)

    def server_gone(self) -> None:
        """Without a server not one test is run, and the address is named."""
        said = self._pnl("test", "http", status=4)
        if self._env["E2E_BASE_URL"] not in said:
            raise Failed(f"the server's address is not in\n{said}")

    def _pytest(self, scope: str) -> tuple[Counts, Executions]:
        file = self._bench.scratch / f"pytest-{scope}.jsonl"
        env = {**self._env, "PYTHONPATH": str(PLUGIN_FOLDER), "OUTCOMES_FILE": str(file)}
        plugin = ["-p", "pytest_outcomes"]
        words = ["-m", "pytest", f"tests/{scope}", "-n", WORKERS, *plugin]
        command = [str(self._bench.python), *words]
        counts = commands.count(command, count_pytest, cwd=self._folder, env=env)
        return counts, outcomes.read_plugin(file)

    def _engine(self, scope: str, engine: str) -> Executions:
        file = self._bench.scratch / f"{engine}-{scope}.jsonl"
        junit = str(file.with_suffix(".xml"))
        reports = ["--jsonl", str(file), "--junit", junit]
        self._pnl("test", scope, "--workers", WORKERS, "--engine", engine, *reports)
        return outcomes.read_pnl(file)

    def _pnl(self, *words: str, status: int = 0) -> str:
        return self._run([str(self._bench.pnl), *words], env=self._env, status=status)

    def _run(self, command: list[str], *, env: dict[str, str], status: int = 0) -> str:
        return commands.succeed(command, cwd=self._folder, env=env, status=status, limit=300)

    def _need_browser(self, scope: str) -> None:
        if scope == "e2e" and self._bench.no_browser:
            raise Skipped(self._bench.no_browser)


def compare(results: dict[str, Executions]) -> None:
    """Fails with each test whose outcome is not the same everywhere, in number and kind."""
    if len(results) < 3:
        raise Failed(f"only {', '.join(results) or 'nothing'} ran to its end")
    expected = results.pop("pytest")
    found = [
        f"{difference} (pytest -n → pnl --engine {name})"
        for name, executions in results.items()
        for difference in outcomes.differences(expected, executions)
    ]
    if found:
        raise Failed("\n".join(found))


def fail(text: str) -> None:
    raise Failed(text)
