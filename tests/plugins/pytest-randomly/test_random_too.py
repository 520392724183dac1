import random
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.parametrize("number", range(10))
def test_seeded_alike_too(number):
    (HERE / f"drawn-too-{number}").write_text(str(random.random()))
