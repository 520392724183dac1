"""When a shelf of the server is away."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "suite"))
import server


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, to be set."""
    clock = [100.0]
    monkeypatch.setattr("server.time.monotonic", lambda: clock[0])
    return clock


def away(shop: server.Shop, now: list[float], moments: list[float]) -> list[bool]:
    found = []
    for moment in moments:
        now[0] = moment
        shop.begin()
        found.append(shop.is_away("shelf"))
        shop.end()
    return found


def test_a_window_is_counted_from_the_first_request(now: list[float]) -> None:
    shop = server.Shop({"shelves": {"shelf": {"windows": [[2.0, 0.5], [6.0, 1.0]]}}})
    moments = [100.0, 101.9, 102.1, 102.4, 102.6, 105.9, 106.9, 107.1]
    assert away(shop, now, moments) == [False, False, True, True, False, False, True, False]


def test_an_outage_begins_with_the_request_of_its_number(now: list[float]) -> None:
    shop = server.Shop({"shelves": {"shelf": {"after_requests": 3, "seconds": 2.5}}})
    assert away(shop, now, [100, 110, 120, 122, 123]) == [False, False, True, True, False]


def test_another_shelf_stays(now: list[float]) -> None:
    shop = server.Shop({"shelves": {"shelf": {}, "other": {"windows": [[0.0, 9.0]]}}})
    assert away(shop, now, [100, 101]) == [False, False]
