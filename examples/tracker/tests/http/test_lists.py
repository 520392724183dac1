import uuid
from typing import Any

import httpx
import pytest

Record = dict[str, Any]

SHELF = 7
PAGE = 3
CHEERS = 30


@pytest.fixture(scope="module")
def shelf(client: httpx.Client) -> list[Record]:
    """The records of somebody who has a few pages of them."""
    owner = f"reader-{uuid.uuid4().hex[:12]}"
    books = [{"owner": owner, "title": f"Book {number}"} for number in range(SHELF)]
    return [client.post("/api/records", json=book).json() for book in books]


def test_pages_hold_every_record_once(client: httpx.Client, shelf: list[Record]) -> None:
    owner = shelf[0]["owner"]
    pages = [
        client.get("/api/records", params={"owner": owner, "page": page, "page_size": PAGE}).json()
        for page in (1, 2, 3, 4)
    ]

    assert [len(page["records"]) for page in pages] == [3, 3, 1, 0]
    assert {page["total"] for page in pages} == {SHELF}
    listed = [record["id"] for page in pages for record in page["records"]]
    assert sorted(listed) == sorted(record["id"] for record in shelf)


def test_the_page_of_one_owner_shows_nobody_else(
    client: httpx.Client, shelf: list[Record], record: Record
) -> None:
    html = client.get("/", params={"owner": shelf[0]["owner"]}).text

    assert f"<caption>{SHELF} records</caption>" in html
    assert f'"/records/{record["id"]}"' not in html


def test_the_list_knows_the_cheers(client: httpx.Client, record: Record) -> None:
    for count in range(1, CHEERS + 1):
        client.post(f"/api/records/{record['id']}/cheers")
        listed = client.get("/api/records", params={"owner": record["owner"]}).json()["records"]
        assert [other["cheers"] for other in listed] == [count]


@pytest.mark.parametrize("page_size", [0, 101])
def test_the_page_size_has_bounds(client: httpx.Client, page_size: int) -> None:
    assert client.get("/api/records", params={"page_size": page_size}).status_code == 422


@pytest.mark.shared
def test_a_new_record_is_on_the_first_page(client: httpx.Client, record: Record) -> None:
    listed = client.get("/api/records").json()["records"]

    assert record["id"] in [other["id"] for other in listed]


@pytest.mark.shared
def test_a_new_record_is_on_the_first_html_page(client: httpx.Client, record: Record) -> None:
    assert f'"/records/{record["id"]}"' in client.get("/").text
