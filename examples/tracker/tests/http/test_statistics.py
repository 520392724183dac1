from collections.abc import Callable
from typing import Any

import httpx
import pytest

Record = dict[str, Any]
MakeRecord = Callable[..., Record]

CHEERS = 30
REPORTS = 3


def test_statistics_of_one_owner(
    client: httpx.Client, make_record: MakeRecord, owner: str
) -> None:
    for progress in (0, 50, 100):
        last = make_record(progress=progress)
    client.post(f"/api/records/{last['id']}/archive")

    statistics = client.get("/api/statistics", params={"owner": owner}).json()
    assert statistics["records"] == 3
    assert statistics["archived"] == 1
    assert statistics["finished"] == 1
    assert statistics["average_progress"] == 50


@pytest.mark.shared
def test_statistics_know_every_cheer(client: httpx.Client, record: Record) -> None:
    for _ in range(CHEERS):
        counted = client.post(f"/api/records/{record['id']}/cheers").json()["total"]
        known = client.get("/api/statistics").json()["total_cheers"]
        assert known >= counted, "a cheer got lost"


def test_the_report_stays_the_same_while_nothing_changes(
    client: httpx.Client, make_record: MakeRecord, owner: str
) -> None:
    make_record(progress=100)

    for _ in range(REPORTS):
        answer = client.get("/api/report", params={"owner": owner})
        assert answer.status_code == 200, answer.text
        assert answer.json()["finished"] == 1
