from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

HERE = Path(__file__).parent


@pytest.mark.parametrize("number", range(4))
@given(st.lists(st.integers()))
def test_sorting_twice_changes_nothing(number, values):
    assert sorted(sorted(values)) == sorted(values)


@given(st.integers())
def test_fails_and_is_kept(value):
    assert value < 1000


@settings(derandomize=True, database=None)
@given(st.text(min_size=3))
def test_same_examples_everywhere(text):
    with (HERE / "examples").open("a", encoding="utf-8", errors="backslashreplace") as file:
        file.write(ascii(text) + "\n")


class TestMethods:
    @given(st.binary())
    def test_method(self, data):
        assert bytes(data) == data
