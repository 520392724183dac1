import enum

import pytest

ODD = [
    "",
    " ",
    "a b",
    "line\nbreak",
    "tab\tcr\r",
    "nul\0",
    "esc\x1b[31mred",
    "quote'\"`",
    "back\\slash",
    "colon::colon",
    "open[",
    "close]",
    "[a]::[b]",
    "grün-日本-🎉",
    "lone\udc80",
    "-x",
    "--maxfail=1",
    "@group",
    "a/b/../c",
    "%s{}$HOME",
    "x" * 3000,
    "same",
    "same",
]


class Colour(enum.Enum):
    RED = 1


@pytest.mark.parametrize("text", ODD)
def test_text(text):
    assert "close" not in text


@pytest.mark.parametrize("value", [b"\xff\x00", None, 1.5, Colour.RED, object, lambda: 0, [1], {}])
def test_value(value):
    assert value is not None


@pytest.mark.parametrize("x", [1, 2], ids=["same", "same"])
@pytest.mark.parametrize("y", [pytest.param(1, id="a::b"), pytest.param(2, marks=pytest.mark.xfail)])
def test_pairs(x, y):
    assert y == 1


@pytest.mark.parametrize("nothing", [])
def test_nothing(nothing):
    raise AssertionError


class TestClass:
    @pytest.mark.parametrize("text", ["::", "[]"])
    def test_method(self, text):
        pass

    class TestInner:
        def test_deep(self):
            pass
