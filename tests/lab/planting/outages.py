"""A part of the server that is away for a while, though its base URL answers."""

from typing import Any

from planting.chooser import Chooser
from planting.words import Case, Kind, Plant, Planting


def outage(choose: Chooser) -> Planting:
    """Once, for about three seconds."""
    seconds = round(choose.random.uniform(2.5, 3.5), 2)
    if choose.chance(0.5):
        shelf: dict[str, Any] = {"after_requests": choose.ms(400, 1800), "seconds": seconds}
    else:
        shelf = {"windows": [[round(choose.random.uniform(2, 8), 2), seconds]]}
    cause = f"The shelf that it asks for is away once, for {seconds} s."
    return _shelf(choose, choose.ms(4, 8), shelf, cause)


def windows(choose: Chooser) -> Planting:
    """Two or three times, for a second or so."""
    at, found = 0.0, []
    for _ in range(choose.ms(2, 3)):
        at += choose.random.uniform(2, 5)
        seconds = choose.random.uniform(0.5, 1.5)
        found.append([round(at, 2), round(seconds, 2)])
        at += seconds
    cause = f"The shelf that it asks for is away at (s, for s) {found}."
    return _shelf(choose, choose.ms(3, 6), {"windows": found}, cause)


def _shelf(choose: Chooser, tests: int, shelf: dict[str, Any], cause: str) -> Planting:
    name = choose.noun()
    cases = [
        Case(_asks(choose, name), cause, Kind.INFRASTRUCTURE, imports=("time",))
        for _ in range(tests)
    ]
    return Planting(cases, {"shelves": {name: shelf}})


def _asks(choose: Chooser, name: str) -> str:
    return f"""
    {choose.pause(2, 20)}
    assert server.get("/shelves/{name}?ms={choose.ms(2, 30)}") == {{}}
    """


PLANTS: dict[str, Plant] = {"outage": outage, "outage-windows": windows}
