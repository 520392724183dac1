"""What test files begin by importing."""

import textwrap

import pytest

from pnl_worker import ahead

HEADS = {
    "imports": (
        '''
        """Words."""
        from __future__ import annotations
        import os, a.b as c
        from typing import TYPE_CHECKING
        from x.y import (
            z,
            w as v,
        )
        from .sibling import it
        from star import *
        def test(): import later
        ''',
        ["os", "a.b", "typing TYPE_CHECKING", "x.y z w", "star"],
    ),
    "what does no harm is passed over": (
        """
        import one
        try:
            import fast
        except ImportError:
            fast = None
        if TYPE_CHECKING:
            import never
        pytestmark = pytest.mark.usefixtures("x")
        LIMIT = [1, 2]
        import two
        """,
        ["one", "two"],
    ),
    "nothing is imported after what may change its meaning": (
        """
        import os
        os.environ["DEBUG"] = "1"
        import settings
        """,
        ["os"],
    ),
    "nor after a skip": ("numpy = pytest.importorskip('numpy')\nimport scipy\n", []),
    "nor with a path of its own": ("import sys\nsys.path.insert(0, '.')\nimport x\n", ["sys"]),
    "no Python": ("import (\n", []),
}


@pytest.mark.parametrize("text, expected", HEADS.values(), ids=HEADS)
def test_the_head_of_a_file(tmp_path, text, expected):
    file = tmp_path / "test_it.py"
    file.write_text(textwrap.dedent(text), encoding="utf-8")
    assert [" ".join([module, *names]) for module, names in ahead.head(str(file))] == expected


def test_a_file_that_is_not_there_has_none(tmp_path):
    assert ahead.head(str(tmp_path / "nothing.py")) == []
