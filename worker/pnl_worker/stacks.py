"""Where a worker is stuck, for the report of a test that took too long. PYTEST_DONT_REWRITE."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal

SIGNAL = signal.SIGURG
"""Sent by the controller at a test's limit (src/engine/dispatch/attempts.rs)."""


def dump_on_signal(folder: str, worker: str) -> None:
    """Has all threads' stacks written to a file of the controller's when it asks.

    By faulthandler, whose handler needs no interpreter: it answers while a test is stuck in C.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    # Left open on purpose: faulthandler writes to it for as long as the process lives.
    fd = os.open(os.path.join(folder, f"{worker}-stacks"), flags, 0o600)
    with contextlib.suppress(RuntimeError, AttributeError):  # a Python built without it
        faulthandler.register(SIGNAL, fd, all_threads=True, chain=False)
