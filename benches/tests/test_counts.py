"""What each program prints in closing, as it was seen."""

import pytest
from measure.counts import (
    Counts,
    Reader,
    Unreadable,
    cito_counts,
    karva_counts,
    pnl_counts,
    pytest_counts,
    rtest_counts,
)

CITO = '{"chunks":3,"collected":706,"failed":0,"failed_chunks":0,"passed":2434,"skipped":24}'


@pytest.mark.parametrize(
    ("reader", "output", "expected"),
    [
        (pytest_counts, "2434 passed, 24 skipped, 31000 deselected, 1 xfailed in 10.67s", "all"),
        (
            pytest_counts,
            "= 2434 passed, 24 skipped, 1 xfailed, 3 warnings in 70s (0:01:10) =",
            "all",
        ),
        (pnl_counts, "2459 tests, 2434 passed, 24 skipped, 1 xfailed, 8.6 s", "all"),
        (pnl_counts, "1 round, 2459 tests, 0 failed, 24 skipped, 1 xfailed, 8.6 s", "all"),
        (pnl_counts, "2459 tests, 2434 passed, 24 skipped, 1 xfailed, 1 m 08 s", "all"),
        (cito_counts, f"cito: 2434 passed\n{CITO}", "told"),
        (karva_counts, "  Summary [ 0.8s] 2458 tests run: 2434 passed, 24 skipped", "told"),
    ],
)
def test_closing_lines(reader: Reader, output: str, expected: str) -> None:
    counts = reader(output, 1)
    full = Counts({"passed": 2434, "skipped": 24, "xfailed": 1})
    assert not counts.differs(full)
    assert ("xfailed" in counts.told) == (expected == "all")


def test_a_single_error_counts_like_errors() -> None:
    assert pytest_counts("1 passed, 1 error in 0.1s", 1) == pytest_counts(
        "1 passed, 1 errors in 0s", 1
    )


def test_a_file_that_is_skipped_whole_is_no_difference() -> None:
    assert not Counts({"passed": 5, "skipped": 1}).differs(Counts({"passed": 5}))
    assert Counts({"passed": 4, "skipped": 1}).differs(Counts({"passed": 5}))


def test_rounds_are_summed() -> None:
    assert pytest_counts("5 passed in 0.1s\n5 passed in 0.1s", 2).by_outcome["passed"] == 10
    assert cito_counts(f"{CITO}\n{CITO}", 2).by_outcome["skipped"] == 48
    assert pnl_counts("2 rounds, 10 tests, 1 failed, 0.5 s", 2).by_outcome["passed"] == 9


def test_workers_are_summed() -> None:
    assert rtest_counts("= 2 passed in 1s =\n= 3 passed in 1s =", 1).by_outcome["passed"] == 5


@pytest.mark.parametrize(
    ("reader", "output"),
    [
        (pytest_counts, "5 passed in 0.1s"),
        (pnl_counts, "1 round, 5 tests, 0 failed, 0.1 s"),
        (cito_counts, CITO),
        (pnl_counts, "2 rounds, 5 tests, 1 crashed, 0.1 s"),
        (pnl_counts, "Traceback"),
    ],
)
def test_what_does_not_tell_all_rounds_is_no_result(reader: Reader, output: str) -> None:
    with pytest.raises(Unreadable):
        reader(output, 2)
