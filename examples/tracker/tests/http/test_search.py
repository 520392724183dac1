from collections.abc import Callable
from typing import Any

import httpx
import pytest

Record = dict[str, Any]
MakeRecord = Callable[..., Record]


def search(client: httpx.Client, words: str) -> list[Record]:
    answer = client.get("/api/search", params={"q": words})
    assert answer.status_code == 200, answer.text
    return answer.json()["records"]


@pytest.mark.parametrize("word", ["sourdough", "Müsli", "寿司", "100%_sure"])
def test_search_finds_a_title(
    client: httpx.Client, make_record: MakeRecord, token: str, word: str
) -> None:
    wanted = make_record(f"{word} {token}")
    make_record(f"something else {token}")

    assert search(client, f"{word} {token}") == [wanted]


def test_search_finds_notes(client: httpx.Client, make_record: MakeRecord, token: str) -> None:
    wanted = make_record(notes=f"remember {token} on Monday")

    assert search(client, token) == [wanted]


def test_search_leaves_out_what_is_archived(
    client: httpx.Client, make_record: MakeRecord, token: str
) -> None:
    record = make_record(token)
    client.post(f"/api/records/{record['id']}/archive")

    assert search(client, token) == []


@pytest.mark.xfail(reason="SQLite's LIKE ignores case in ASCII only")
def test_search_ignores_case_in_any_script(
    client: httpx.Client, make_record: MakeRecord, token: str
) -> None:
    wanted = make_record(f"ÄPFEL {token}")

    assert search(client, f"äpfel {token}") == [wanted]
