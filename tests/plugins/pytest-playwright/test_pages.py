import pytest


@pytest.mark.parametrize("colour", ["red", "green", "blue", "grey"])
def test_colour(page, colour):
    page.set_content(f"<body style='background: {colour}'><h1>{colour}</h1>")
    assert page.inner_text("h1") == colour


def test_fails(page):
    page.set_content("<h1>here</h1>")
    assert page.inner_text("h1") == "there"
