"""What both suites share: where the server is, and data that belongs to one test alone.

The server is started by hand and used by all tests, all workers and all rounds at once.
So no test expects an empty database, and none takes away what it has made.
"""

import os
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

Record = dict[str, Any]
MakeRecord = Callable[..., Record]


@pytest.fixture(scope="session")
def base_url(pytestconfig: pytest.Config) -> str:
    option = pytestconfig.getoption("base_url", default=None)
    url = option or os.environ.get("E2E_BASE_URL") or "http://127.0.0.1:8000"
    return url.rstrip("/")


@pytest.fixture(scope="session")
def client(base_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=base_url, timeout=20) as client:
        yield client


@pytest.fixture
def owner() -> str:
    """A person of whom no other test has heard."""
    return f"owner-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def make_record(client: httpx.Client, owner: str) -> MakeRecord:
    def make(title: str = "Learn to juggle", **fields: Any) -> Record:
        answer = client.post("/api/records", json={"owner": owner, "title": title, **fields})
        assert answer.status_code == 201, answer.text
        return answer.json()

    return make


@pytest.fixture
def record(make_record: MakeRecord) -> Record:
    return make_record()


@pytest.fixture
def token() -> str:
    """A word that occurs in no other record."""
    return uuid.uuid4().hex
