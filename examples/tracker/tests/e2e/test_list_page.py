from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

Record = dict[str, Any]
MakeRecord = Callable[..., Record]


def add(page: Page, owner: str, title: str) -> None:
    form = page.locator("#add")
    form.get_by_label("Owner").fill(owner)
    form.get_by_label("Title").fill(title)
    form.get_by_role("button", name="Add").click()


def test_the_list_has_a_heading_and_a_count(page: Page, record: Record) -> None:
    page.goto("/")

    expect(page).to_have_title("Tracker")
    expect(page.get_by_role("heading", name="Tracker")).to_be_visible()
    expect(page.locator("caption")).to_contain_text("records")


@pytest.mark.shared
def test_an_added_record_appears_on_the_list(page: Page, owner: str, token: str) -> None:
    page.goto("/")
    add(page, owner, f"Plant {token}")

    expect(page.get_by_role("link", name=f"Plant {token}")).to_be_visible()


def test_a_record_without_a_title_is_refused(page: Page, owner: str) -> None:
    page.goto("/")
    add(page, owner, " ")

    expect(page.locator("#add output")).to_have_text("Failed: 422")


def test_the_list_of_one_owner(page: Page, make_record: MakeRecord, owner: str) -> None:
    make_record("First")
    make_record("Second")
    page.goto("/")
    page.get_by_label("Records of").fill(owner)
    page.get_by_role("button", name="Show").click()

    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.locator("tbody")).to_contain_text(owner)


class TestSearch:
    @pytest.mark.parametrize("word", ["Violin", "Geige üben", "ヴァイオリン"])
    def test_finds_a_record(
        self, page: Page, make_record: MakeRecord, token: str, word: str
    ) -> None:
        record = make_record(f"{word} {token}")
        page.goto("/")
        page.get_by_label("Search", exact=True).fill(f"{word} {token}")

        expect(page.locator("#search output")).to_have_text("1 found")
        page.get_by_role("list", name="Search results").get_by_role("link").click()
        expect(page).to_have_url(f"/records/{record['id']}")

    def test_says_when_there_is_nothing(self, page: Page, token: str) -> None:
        page.goto("/")
        page.get_by_label("Search", exact=True).fill(token)

        expect(page.locator("#search output")).to_have_text("Nothing found")
