"""The total of all cheers is one counter for everybody.

Other tests may raise it at any time, so these tests expect no certain number, only that
nothing that was counted gets lost.
"""

from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.shared

Record = dict[str, Any]
CHEERS = 30


def test_every_cheer_gets_a_higher_number(client: httpx.Client, record: Record) -> None:
    before = client.get("/api/cheers").json()["total"]
    for _ in range(CHEERS):
        after = client.post(f"/api/records/{record['id']}/cheers").json()["total"]
        assert after > before, "a cheer got lost"
        before = after


def test_the_total_never_falls(client: httpx.Client, record: Record) -> None:
    for _ in range(CHEERS):
        counted = client.post(f"/api/records/{record['id']}/cheers").json()["total"]
        assert client.get("/api/cheers").json()["total"] >= counted, "a cheer got lost"
