"""The report takes its time, and each of these tests asks for some of them in a row."""

from collections.abc import Callable
from typing import Any

import httpx

Record = dict[str, Any]
MakeRecord = Callable[..., Record]


def report(client: httpx.Client, owner: str) -> Record:
    answer = client.get("/api/report", params={"owner": owner})
    assert answer.status_code == 200, answer.text
    return answer.json()


class TestReport:
    def test_of_a_stranger_is_empty(self, client: httpx.Client, owner: str) -> None:
        assert report(client, owner)["records"] == 0

    def test_follows_each_new_record(
        self, client: httpx.Client, make_record: MakeRecord, owner: str
    ) -> None:
        for count in (1, 2, 3):
            make_record()
            assert report(client, owner)["records"] == count

    def test_follows_the_progress(self, client: httpx.Client, record: Record) -> None:
        for progress in (10, 60, 100):
            client.patch(f"/api/records/{record['id']}", json={"progress": progress})
            assert report(client, record["owner"])["average_progress"] == progress

    def test_follows_the_archive(self, client: httpx.Client, record: Record) -> None:
        for verb, archived in (("archive", 1), ("unarchive", 0), ("archive", 1)):
            client.post(f"/api/records/{record['id']}/{verb}")
            assert report(client, record["owner"])["archived"] == archived
