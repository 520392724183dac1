"""A system at its limit of processes, a worker that dies, and a session that ends badly."""

import os
import signal


def refuse_once():
    os.fork = fork
    raise BlockingIOError(11, "Resource temporarily unavailable")


fork, os.fork = os.fork, refuse_once


class BrokenPlugin:
    def pytest_sessionfinish(self):
        raise RuntimeError("the report could not be written")


def test_killed():
    os.kill(os.getpid(), signal.SIGKILL)


def test_breaks_the_session(request):
    request.config.pluginmanager.register(BrokenPlugin())
