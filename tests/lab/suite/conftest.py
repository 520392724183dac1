"""What all tests of the suite share: a client that keeps its connection, and a folder."""

import http.client
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest


@dataclass(frozen=True)
class Answer:
    status: int
    body: dict[str, Any]


class Client:
    """Speaks JSON with the server, on one connection."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)

    def ask(self, method: str, path: str, **values: object) -> Answer:
        """The answer, whatever its status."""
        body = json.dumps(values) if values else None
        self._connection.request(method, path, body)
        response = self._connection.getresponse()
        return Answer(response.status, json.loads(response.read()))

    def get(self, path: str) -> dict[str, Any]:
        return self._succeed("GET", path)

    def put(self, path: str, **values: object) -> dict[str, Any]:
        return self._succeed("PUT", path, **values)

    def post(self, path: str) -> dict[str, Any]:
        return self._succeed("POST", path)

    def close(self) -> None:
        self._connection.close()

    def _succeed(self, method: str, path: str, **values: object) -> dict[str, Any]:
        answer = self.ask(method, path, **values)
        assert answer.status < 400, f"{answer.status} for {method} {path}: {answer.body}"
        return answer.body


@pytest.fixture(scope="session")
def server() -> Iterator[Client]:
    client = Client(os.environ.get("E2E_BASE_URL", "http://127.0.0.1:8000"))
    yield client
    client.close()


@pytest.fixture
def var() -> Path:
    """Where the suite keeps files of its own."""
    folder = Path(__file__).parent / "var"
    folder.mkdir(exist_ok=True)
    return folder
