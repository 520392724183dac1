"""A path with spaces and letters that are not ASCII."""

import pytest


def test_straße():
    pass


@pytest.mark.parametrize("was", ["ö", "日本 語"])
def test_größer(was):
    assert was == "ö"
