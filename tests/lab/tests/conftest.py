"""One lab with all families that need no clock, and its server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from planting.composition import PLANTS
from playing import Lab, playing


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    families = [name for name in PLANTS if not name.startswith("outage")]
    with playing(Path(tmp_path_factory.mktemp("lab")) / "all", *families, *["stable"] * 9) as found:
        yield found
