import random
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.parametrize("number", range(10))
def test_seeded_alike(number):
    (HERE / f"drawn-{number}").write_text(str(random.random()))
