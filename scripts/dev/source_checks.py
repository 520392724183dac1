"""Formatting, lints, types, unit tests and generated files."""

import shutil
from functools import partial
from pathlib import Path

from . import commands
from .machine import ROOT
from .steps import Counts, Failed, Skipped, Steps, count_cargo, count_pytest
from .workbench import Workbench

WORKER = ROOT / "worker"
# Modules that find each other only with scripts/ as the working folder.
SCRIPTS = ROOT / "scripts"
CORPUS = ROOT / "tests" / "corpus"
PLUGINS = ROOT / "tests" / "plugins"
BENCHES = ROOT / "benches"
LAB = ROOT / "tests" / "lab"


# Mostly waiting, for grace periods: a third of the tests' time.
SLOW_TESTS = ["interrupt"]


def check_rust(steps: Steps, bench: Workbench, *, quick: bool) -> None:
    """The crate and xtask. Integration tests find their interpreter in PNL_TEST_PYTHON."""
    # INSTA_UPDATE: a check writes no new snapshots into the checkout.
    settings = {"CARGO_TERM_COLOR": "never", "INSTA_UPDATE": "no"}
    env = {**bench.env, **settings, "PNL_TEST_PYTHON": str(bench.python)}

    def cargo(*words: str) -> None:
        commands.succeed(["cargo", *words], cwd=ROOT, env=env)

    def tests() -> Counts:
        words = ["cargo", "test", "--workspace", "--no-fail-fast"]
        if quick:
            names = sorted(file.stem for file in (ROOT / "tests").glob("*.rs"))
            chosen = [f"--test={name}" for name in names if name not in SLOW_TESTS]
            words += ["--lib", "--bins", *chosen]
        return commands.count(words, count_cargo, cwd=ROOT, env=env)

    lint = ["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]
    steps.run("cargo fmt", lambda: cargo("fmt", "--all", "--check"))
    steps.run("cargo clippy", lambda: cargo(*lint))
    steps.run("cargo test", tests)
    steps.run("generated files", lambda: cargo("xtask", "generate", "--check"))
    steps.run("licences and sources of crates", lambda: check_crates(env))
    steps.run("advisories against crates", lambda: check_advisories(env))


def check_crates(env: dict[str, str]) -> None:
    """What deny.toml allows, as far as that is known without a network."""
    need_cargo_deny(env)
    words = ["cargo", "deny", "--offline", "check", "licenses", "sources", "bans"]
    commands.succeed(words, cwd=ROOT, env=env)


def check_advisories(env: dict[str, str]) -> None:
    """Known holes. The list of them is fetched."""
    need_cargo_deny(env)
    words = ["cargo", "deny", "check", "advisories"]
    try:
        commands.succeed(words, cwd=ROOT, env=env)
    except Failed as failure:
        if "failed to fetch advisory database" not in str(failure):
            raise
        raise Skipped("the list of advisories cannot be fetched from here") from failure


def need_cargo_deny(env: dict[str, str]) -> None:
    if shutil.which("cargo-deny", path=env.get("PATH")) is None:
        raise Skipped("cargo-deny is not installed (cargo install cargo-deny --locked)")


def check_python(steps: Steps, bench: Workbench) -> None:
    """The worker package, the scripts and the example."""
    python = str(bench.python)

    def tool(*words: str, cwd: Path = ROOT) -> None:
        # What tests/corpus, tests/plugins, benches and the lab's tests import of the others.
        found = [SCRIPTS, CORPUS, LAB, LAB / "tests", LAB / "suite"]
        env = {**bench.env, "MYPYPATH": ":".join(map(str, found))}
        commands.succeed([python, "-m", *words], cwd=cwd, env=env)

    places = [
        "worker",
        "scripts",
        "examples",
        "benches",
        "tests/corpus",
        "tests/lab",
        *map(str, PLUGINS.glob("*.py")),
    ]
    programs = [file.name for file in SCRIPTS.glob("*.py")]
    steps.run("ruff format", lambda: tool("ruff", "format", "--check", *places))
    steps.run("ruff check", lambda: tool("ruff", "check", *places))
    steps.run("mypy worker", lambda: tool("mypy", "--strict", cwd=WORKER))
    steps.run("mypy scripts", lambda: tool("mypy", "--strict", *programs, cwd=SCRIPTS))
    steps.run("mypy corpus", lambda: tool("mypy", "--strict", "corpus.py", cwd=CORPUS))
    steps.run("mypy plugins", lambda: tool("mypy", "--strict", "matrix.py", cwd=PLUGINS))
    steps.run("mypy benches", lambda: tool("mypy", "--strict", "run.py", cwd=BENCHES))
    # Each has a module `conftest`, of which mypy knows one at a time.
    for part in (["draw.py", "run.py", "suite"], ["tests"]):
        title = f"mypy lab ({part[-1]})"
        steps.run(title, partial(tool, "mypy", "--strict", *part, cwd=LAB))
    count = [python, "-m", "pytest", "-p", "no:cacheprovider", "tests"]
    for place in (BENCHES, LAB):
        steps.run(
            f"tests of {place.name}",
            partial(commands.count, count, count_pytest, cwd=place, env=bench.env),
        )
    if any((WORKER / "tests").glob("test_*.py")):
        words = [python, "-m", "pytest", "tests"]
        steps.run(
            "worker tests", lambda: commands.count(words, count_pytest, cwd=WORKER, env=bench.env)
        )
