"""A failure with text that is not ASCII, control characters and half a surrogate pair."""

import pytest


@pytest.mark.parametrize("größe", [3])
def test_überall(größe):
    print("Zeile ✓ 🎉 \x00 \x1b[31mrot\x1b[0m")
    assert größe == 4, "zu klein: \udc80 ≠ 4"
