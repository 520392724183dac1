"""What holds for every lab that is drawn."""

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from draw import draw
from planting.composition import Parameters
from planting.words import Kind

SEEDS = range(1, 31)


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("labs")
    return [draw(seed, Parameters(), folder / str(seed))["tests"] for seed in SEEDS]


def files(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): file.read_text()
        for file in folder.rglob("*")
        if file.is_file()
    }


def test_a_seed_always_draws_the_same_lab(tmp_path: Path) -> None:
    words = [sys.executable, "draw.py", "--seed", "7", "--out", str(tmp_path / "second")]
    draw(7, Parameters(), tmp_path / "first")
    subprocess.run(words, cwd=Path(__file__).parents[1], check=True, stdout=subprocess.DEVNULL)
    draw(8, Parameters(), tmp_path / "other")
    assert files(tmp_path / "first") == files(tmp_path / "second")
    assert files(tmp_path / "first") != files(tmp_path / "other")


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    words = [sys.executable, "draw.py", "--seed", "7", "--out", str(tmp_path)]
    ended = subprocess.run(
        words, cwd=Path(__file__).parents[1], check=False, capture_output=True, text=True
    )
    assert ended.returncode == 2 and "exists already" in ended.stderr


def test_each_lab_has_all_verdicts_and_half_of_it_is_stable(labs: list[dict[str, Any]]) -> None:
    for tests in labs:
        kinds = Counter(true["verdict"] for true in tests.values())
        assert set(kinds) == set(Kind)
        assert 48 <= len(tests) <= 80
        assert kinds["stable"] >= len(tests) / 2
        rates = {true["rate"] for true in tests.values()}
        assert rates >= {0.02, 0.05, 0.2, 0.5}


def test_who_is_blamed_is_there_and_is_named_where_that_is_due(labs: list[dict[str, Any]]) -> None:
    for tests in labs:
        for true in tests.values():
            assert set(true["culprits"] + true["cleaners"]) <= set(tests)
            if true["verdict"] in ("order-dependent", "interferes-with"):
                assert true["culprits"]


def test_culprits_lie_in_their_victims_file_or_class_or_elsewhere(
    labs: list[dict[str, Any]],
) -> None:
    places: Counter[str] = Counter()
    for tests in labs:
        for name, true in tests.items():
            if true["verdict"] in ("order-dependent", "interferes-with"):
                places[place(name, true["culprits"][0])] += 1
    assert min(places[word] for word in ("class", "file", "elsewhere")) > len(labs) // 5


def place(victim: str, culprit: str) -> str:
    if victim.partition("::")[0] != culprit.partition("::")[0]:
        return "elsewhere"
    both = [name.rpartition("::")[0] for name in (victim, culprit)]
    return "class" if both[0] == both[1] and "::" in both[0] else "file"


def test_names_tell_nothing(labs: list[dict[str, Any]]) -> None:
    families = {true["family"] for tests in labs for true in tests.values()}
    words = {part for family in families for part in family.split("-")}
    words = {word for word in words if not word.isdigit()}
    for tests in labs:
        for name in tests:
            assert not words & set(name.rpartition("::")[2].lower().split("_")), name


def test_all_that_is_written_can_be_imported_and_has_each_test_once(tmp_path: Path) -> None:
    for seed in SEEDS:
        truth = draw(seed, Parameters(tests=90, workers=8), tmp_path / str(seed))
        found = [
            name
            for file in (tmp_path / str(seed)).rglob("test_*.py")
            for name in functions_of(file)
        ]
        assert sorted(found) == sorted(name.rpartition("::")[2] for name in truth["tests"])
        assert len(found) >= 90


def functions_of(file: Path) -> list[str]:
    tree = ast.parse(file.read_text())
    return [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
