from typing import Any

import pytest
from playwright.sync_api import Page, expect

Record = dict[str, Any]

CHEERS = 10


@pytest.fixture
def record_page(page: Page, record: Record) -> Page:
    page.goto(f"/records/{record['id']}")
    return page


class TestSaving:
    @pytest.mark.parametrize("progress", [40, 100])
    def test_progress_is_kept(self, record_page: Page, progress: int) -> None:
        record_page.get_by_label("Progress").fill(str(progress))
        record_page.get_by_role("button", name="Save").click()
        expect(record_page.get_by_role("status").first).to_have_text("Saved")

        record_page.reload()
        expect(record_page.get_by_label("Progress")).to_have_value(str(progress))

    @pytest.mark.parametrize("notes", ["two\nlines", "Übung macht den Meister", "<i>plain</i>"])
    def test_notes_are_kept(self, record_page: Page, notes: str) -> None:
        record_page.get_by_label("Notes").fill(notes)
        record_page.get_by_role("button", name="Save").click()
        expect(record_page.get_by_role("status").first).to_have_text("Saved")

        record_page.reload()
        expect(record_page.get_by_label("Notes")).to_have_value(notes)

    def test_too_much_progress_is_refused(self, record_page: Page) -> None:
        record_page.get_by_label("Progress").fill("101")
        record_page.get_by_role("button", name="Save").click()

        expect(record_page.get_by_role("status").first).to_have_text("Failed: 422")


def test_archiving_and_back(record_page: Page) -> None:
    badge = record_page.get_by_text("archived", exact=True)
    expect(badge).to_be_hidden()

    record_page.get_by_role("button", name="Archive", exact=True).click()
    expect(badge).to_be_visible()

    record_page.get_by_role("button", name="Unarchive").click()
    expect(badge).to_be_hidden()


def test_the_report_is_shown(record_page: Page) -> None:
    record_page.get_by_role("button", name="Report").click()

    expect(record_page.get_by_test_id("report")).to_have_text("0 of 1 finished")


@pytest.mark.shared
def test_each_cheer_raises_the_total(record_page: Page) -> None:
    totals = []
    for count in range(1, CHEERS + 1):
        record_page.get_by_role("button", name="Cheer").click()
        expect(record_page.get_by_test_id("cheers")).to_have_text(str(count))
        totals.append(int(record_page.get_by_test_id("total").inner_text()))

    assert totals == sorted(set(totals)), "a cheer got lost"
