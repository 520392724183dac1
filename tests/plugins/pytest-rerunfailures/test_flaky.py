from pathlib import Path

import pytest

HERE = Path(__file__).parent


def attempt(name):
    """How often this was asked for that name."""
    with (HERE / f"attempts-{name}").open("a+") as file:
        file.write("x")
        return file.tell()


@pytest.mark.parametrize("number", range(4))
def test_passes_at_the_second_attempt(number):
    assert attempt(f"second-{number}") == 2


def test_never_passes():
    attempt("never")
    assert False


@pytest.mark.flaky(reruns=3)
def test_passes_at_the_fourth_attempt():
    assert attempt("fourth") == 4


def test_passes():
    attempt("first")
