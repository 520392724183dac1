from collections.abc import Callable
from typing import Any

import httpx
import pytest

Record = dict[str, Any]
MakeRecord = Callable[..., Record]

CHEERS = 30


class TestAdding:
    def test_a_record_is_kept_as_it_was_sent(
        self, client: httpx.Client, make_record: MakeRecord, owner: str
    ) -> None:
        made = make_record("Read twelve books", progress=25, notes="three so far")

        kept = client.get(f"/api/records/{made['id']}").json()
        assert kept == made
        assert kept["owner"] == owner
        assert (kept["progress"], kept["notes"]) == (25, "three so far")
        assert not kept["archived"]

    @pytest.mark.parametrize(
        "title", ["Grünkohl säen", "日本語を学ぶ", "🚲 to work", "<b>bold</b>"]
    )
    def test_a_title_may_be_in_any_script(self, make_record: MakeRecord, title: str) -> None:
        assert make_record(title)["title"] == title

    @pytest.mark.parametrize(
        "wrong",
        [{"title": "   "}, {"progress": -1}, {"progress": 101}, {"progress": "half"}],
        ids=["blank-title", "negative", "over-100", "word"],
    )
    def test_nonsense_is_refused(self, client: httpx.Client, owner: str, wrong: Record) -> None:
        answer = client.post("/api/records", json={"owner": owner, "title": "Nonsense", **wrong})

        assert answer.status_code == 422


class TestChanging:
    @pytest.mark.parametrize("progress", [0, 55, 100])
    def test_progress(self, client: httpx.Client, record: Record, progress: int) -> None:
        changed = client.patch(f"/api/records/{record['id']}", json={"progress": progress}).json()

        assert changed == {**record, "progress": progress}

    def test_archiving_takes_a_record_off_the_list(
        self, client: httpx.Client, record: Record
    ) -> None:
        path = f"/api/records/{record['id']}"

        def listed() -> int:
            return client.get("/api/records", params={"owner": record["owner"]}).json()["total"]

        assert listed() == 1
        assert client.post(f"{path}/archive").json()["archived"]
        assert listed() == 0
        assert not client.post(f"{path}/unarchive").json()["archived"]
        assert listed() == 1


@pytest.mark.shared
def test_cheers_for_a_record_count_for_all(client: httpx.Client, record: Record) -> None:
    answers = [client.post(f"/api/records/{record['id']}/cheers").json() for _ in range(CHEERS)]

    assert [answer["cheers"] for answer in answers] == list(range(1, CHEERS + 1))
    totals = [answer["total"] for answer in answers]
    assert totals == sorted(set(totals)), "a cheer got lost"
