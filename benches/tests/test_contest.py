"""That no one wins by skipping: contests between programs that do nothing but say how it ended."""

from pathlib import Path

import pytest
from measure.contest import Contest, Result, read, write
from measure.counts import pytest_counts
from measure.page import table
from measure.places import Place, Places, Setting
from measure.ways import Way
from measure.works import Work


class HerePlaces(Places):
    """No suite is needed."""

    def __init__(self, folder: Path) -> None:
        self._place = Place(folder, Path("python3"), {"PATH": "/usr/bin:/bin"})

    def get(self, name: str, setting: Setting) -> Place:
        return self._place


def saying(key: str, text: str, status: int = 0) -> Way:
    return Way(key, key, pytest_counts, lambda _: ["sh", "-c", f"echo '{text}'; exit {status}"])


def compete(folder: Path, *ways: Way, rounds: int = 1) -> Result:
    work = Work("a", "nothing", "none", list(ways), rounds)
    return Contest(work, HerePlaces(folder), print).run(2)


def test_equal_counts_have_a_ratio(tmp_path: Path) -> None:
    mine, real = saying("pnl", "5 passed in 1s"), saying("pytest", "5 passed in 2s")
    result = compete(tmp_path, mine, real, rounds=3)
    assert len(result.ratios("pytest")) == 2
    assert result.tests == 5


@pytest.mark.parametrize(
    "mine",
    [
        saying("pnl", "4 passed in 1s"),
        saying("pnl", "4 passed, 1 skipped in 1s"),
        saying("pnl", "5 passed in 1s", status=1),
        saying("pnl", "Segmentation fault", status=-11),
    ],
)
def test_other_tests_or_another_status_have_none(tmp_path: Path, mine: Way) -> None:
    result = compete(tmp_path, mine, saying("pytest", "5 passed in 2s"))
    assert result.ratios("pytest") == []
    assert "✗" in list(table([result]))[2]


def test_a_result_is_kept(tmp_path: Path) -> None:
    mine, real = saying("pnl", "5 passed in 1s"), saying("pytest", "5 passed in 2s")
    result = compete(tmp_path, mine, real)
    write(tmp_path / "results" / "a.json", result)
    assert read(tmp_path / "results" / "a.json") == result
