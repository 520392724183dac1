"""Runs commands to their end, whatever that takes: none outlives its time or this process."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from .steps import Counts, Failed

# Ten times what the longest command, a release build on two cores, was seen to take.
TIME_LIMIT_S = 1200.0
# For pnl and servers to end their own children before the whole group is killed.
GRACE_S = 15.0


def succeed(
    command: list[str],
    *,
    cwd: Path,
    env: dict[str, str],
    status: int = 0,
    limit: float = TIME_LIMIT_S,
) -> str:
    """Runs a command and returns what it printed; any other exit status is a failure."""
    found, output = finish(command, cwd=cwd, env=env, limit=limit)
    if found != status:
        raise Failed(f"$ {' '.join(command)}\n{output}\nexit status {found} instead of {status}")
    return output


def count(
    command: list[str], counter: Callable[[str], Counts], *, cwd: Path, env: dict[str, str]
) -> Counts:
    """Runs a test runner and counts its tests; having run none is a failure too."""
    status, output = finish(command, cwd=cwd, env=env)
    counts = counter(output)
    if status != 0 or counts.failed or not counts.passed:
        raise Failed(f"$ {' '.join(command)}\n{output}\nexit status {status}, {counts}", counts)
    return counts


def finish(
    command: list[str], *, cwd: Path, env: dict[str, str], limit: float = TIME_LIMIT_S
) -> tuple[int, str]:
    """Runs a command to its end; its exit status and what it printed."""
    # A file, and not a pipe: whoever inherits a pipe and stays could keep us waiting.
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        try:
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as problem:
            raise Failed(f"{command[0]} cannot be run: {problem.strerror}") from problem
        late = ""
        try:
            status = process.wait(limit)
        except subprocess.TimeoutExpired:
            status, late = end(process), f"\nended after {limit:.0f} s"
        except BaseException:
            end(process)
            raise
        output.seek(0)
        return status, output.read() + late


def end(process: subprocess.Popen[bytes]) -> int:
    """Asks the process's group to end, then makes it; the exit status."""
    for request in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, request)
            return process.wait(GRACE_S)
        except ProcessLookupError:
            return process.wait()
        except subprocess.TimeoutExpired:
            continue
    return process.wait()
