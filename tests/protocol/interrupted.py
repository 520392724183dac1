"""Ctrl-C while the first test runs."""

import os
import signal


def test_waits():
    os.kill(os.getpid(), signal.SIGINT)
    signal.pause()


def test_never_started():
    pass
