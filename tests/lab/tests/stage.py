"""A pytest plugin that plays scenes: lanes of tests, each lane a fork, all at the same time.

It is plain pytest that runs each test. LAB_SCENES names a file with a list of scenes, each a list
of lanes, each a list of node ids; LAB_PLAYED gets the same with whether it passed for each node id.
"""

import json
import os
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol


def pytest_runtestloop(session: pytest.Session) -> bool:
    items = {item.nodeid: item for item in session.items}
    scenes = json.loads(Path(os.environ["LAB_SCENES"]).read_text())
    played = [play([[items[name] for name in lane] for lane in scene]) for scene in scenes]
    Path(os.environ["LAB_PLAYED"]).write_text(json.dumps(played))
    return True


def play(lanes: list[list[pytest.Item]]) -> list[list[bool]]:
    forks = [fork(lane) for lane in lanes]
    found = []
    for pid, reading in forks:
        with os.fdopen(reading) as pipe:
            found.append(json.load(pipe))
        os.waitpid(pid, 0)
    return found


def fork(lane: list[pytest.Item]) -> tuple[int, int]:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    with os.fdopen(writing, "w") as pipe:
        json.dump([run(item) for item in lane], pipe)
    os._exit(0)


def run(item: pytest.Item) -> bool:
    """With everything set up anew, as an item may be run more than once."""
    item._initrequest()  # type: ignore[attr-defined]
    reports = runtestprotocol(item, log=False, nextitem=None)
    return not any(report.failed for report in reports)
