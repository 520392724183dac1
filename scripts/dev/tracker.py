"""The example's server, started as a person would in a second terminal."""

import contextlib
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# 30 s in all: the server takes 1 s on an idle machine.
TRIES, PAUSE_S = 300, 0.1
# Its own time limit for open requests is 2 s.
STOP_S = 10.0


class NotServing(Exception):
    """The server did not start, or did not end well; the text has its log."""


@dataclass(frozen=True)
class Tracker:
    """How the server is to be started."""

    python: Path
    folder: Path
    database: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def arguments(self) -> list[str]:
        """What follows the interpreter on the command line."""
        return ["-m", "tracker", "--port", str(self.port), "--database", str(self.database)]

    @contextlib.contextmanager
    def running(self, environment: dict[str, str], faults: str = "") -> Iterator[None]:
        """Serves while the context lasts."""
        if faults:
            environment = {**environment, "TRACKER_FAULTS": faults}
        log = self.database.with_suffix(".log")
        with log.open("w") as output:
            process = subprocess.Popen(
                [str(self.python), *self.arguments],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # A terminal of its own, so to speak: our Ctrl-C is not the server's.
                start_new_session=True,
            )
        try:
            self._await(process, log)
            yield
        finally:
            stop(process)

    def _await(self, process: subprocess.Popen[bytes], log: Path) -> None:
        for _ in range(TRIES):
            if process.poll() is not None:
                raise NotServing(f"the server ended at once:\n{log.read_text()}")
            with contextlib.suppress(OSError, urllib.error.URLError):
                urllib.request.urlopen(f"{self.url}/health", timeout=5).close()
                return
            time.sleep(PAUSE_S)
        raise NotServing(f"{self.url}/health does not answer:\n{log.read_text()}")


def stop(process: subprocess.Popen[bytes]) -> None:
    """As a person would, and then as a machine would."""
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
