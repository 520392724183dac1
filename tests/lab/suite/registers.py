"""Each test tells the server that it is being run: an audit asked for it."""

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def registered(request: pytest.FixtureRequest) -> Iterator[None]:
    server = request.getfixturevalue("server")
    server.put("/busy")
    yield
    server.ask("DELETE", "/busy")
