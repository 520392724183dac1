"""What a worker says that it used."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from pnl_worker import usage

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux tells of it")


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process with a grandchild that holds 64 MiB, both ended afterwards."""
    grandchild = "x = b'x' * (64 << 20); print('there', flush=True); input()"
    begin = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {grandchild!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", begin], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"there\n"
        yield process
        process.communicate(b"\n")


def test_work_is_told_from_waiting() -> None:
    measured = usage.Usage()
    end = time.process_time() + 0.05
    while time.process_time() < end:
        pass
    measured.waited += 3600
    measured.close()
    used = measured.told()["used"]
    assert used["cpu"] >= 0.05
    assert used["busy"] < 0, "an hour of waiting is no work"


def test_memory_counts_what_the_worker_has_begun(child: subprocess.Popen[bytes]) -> None:
    assert child.pid in usage.descendants()
    assert len(usage.descendants()) >= 2
    measured = usage.Usage()
    measured.close()
    assert measured.told()["used"]["memory"] > 64 << 20


def test_nothing_is_told_where_the_system_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "_own_cpu", lambda: None)
    measured = usage.Usage()
    measured.close()
    assert measured.told() == {}
