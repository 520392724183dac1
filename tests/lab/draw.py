"""Draws a lab: a suite and a server with planted causes, and the truth about each test.

`python3 tests/lab/draw.py --seed 7 --out DIR`; then `python3 DIR/server.py --port 8000` in one
terminal and `pnl test --loop 60 --keep-going` in another, in DIR. The truth is in DIR/truth.json.
"""

import argparse
import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from planting.chooser import Chooser
from planting.composition import PLANTS, Parameters, Planted, compose
from planting.suite import FOLDER, place, write
from planting.words import Case

STATIC = Path(__file__).parent / "suite"
PROJECT = """\
[tool.pytest.ini_options]
testpaths = ["tests"]
pythonpath = ["."]
markers = ["pnl: how pnl runs the test"]

[tool.pnl]
server_hint = "python server.py --port 8000"
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True, help="a folder that is not there yet")
    parser.add_argument("--tests", type=int, default=Parameters.tests, help="at least so many")
    parser.add_argument("--workers", type=int, default=Parameters.workers)
    parser.add_argument("--family", action="append", default=[], choices=sorted(PLANTS))
    options = parser.parse_args()
    if options.out.exists():
        parser.error(f"--out {options.out}: exists already")
    parameters = Parameters(options.tests, options.workers, tuple(options.family))
    truth = draw(options.seed, parameters, options.out)
    print(f"{len(truth['tests'])} tests in {options.out}")
    return 0


def draw(seed: int, parameters: Parameters, out: Path) -> dict[str, Any]:
    """Writes the lab into a new folder, and returns its truth as in truth.json."""
    choose = Chooser(seed, parameters.workers)
    planted = compose(choose, parameters)
    suite = place(choose, planted)
    texts = {
        f"{FOLDER}/{file.name}.py": write(file, suite.nodeids, choose)
        for file in suite.files
        if any(file.classes.values())
    }
    truth = {
        "seed": seed,
        "parameters": asdict(parameters),
        "tests": {
            suite.nodeids[case]: describe(case, each.family, suite.nodeids)
            for each in planted
            for case in each.planting.cases
        },
    }
    texts |= {"truth.json": json.dumps(truth, indent=1) + "\n", **fixed(planted)}
    for name, text in texts.items():
        file = out / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    shutil.copy(STATIC / "server.py", out)
    shutil.copy(STATIC / "conftest.py", out)
    return truth


def fixed(planted: list[Planted]) -> dict[str, str]:
    """The server's settings, the product's modules and the project's file."""
    settings: dict[str, dict[str, Any]] = {}
    texts = {"pyproject.toml": PROJECT, "shop/__init__.py": ""}
    for each in planted:
        texts |= each.planting.modules
        for section, entries in each.planting.server.items():
            settings.setdefault(section, {}).update(entries)
    texts["settings.json"] = json.dumps(settings, indent=1) + "\n"
    if any(each.planting.registers for each in planted):
        texts[f"{FOLDER}/conftest.py"] = (STATIC / "registers.py").read_text()
    return texts


def describe(case: Case, family: str, nodeids: dict[Case, str]) -> dict[str, Any]:
    """A test's entry in the truth."""
    return {
        "verdict": case.kind,
        "culprits": [nodeids[other] for other in case.culprits],
        "cleaners": [nodeids[other] for other in case.cleaners],
        "rate": case.rate,
        "since_round": case.since_round,
        "workers": case.workers,
        "cause": case.cause,
        "also": case.also,
        "family": family,
    }


if __name__ == "__main__":
    sys.exit(main())
