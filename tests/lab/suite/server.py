"""The server of a drawn suite: answers at once, but for what settings.json says.

`python server.py [--port N]` prints its address, with 0 (the default) of a free port.
"""

import argparse
import json
import random
import threading
import time
from collections import Counter, defaultdict
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

PAGE = 100


class Shop:
    """All that is kept; each method holds the lock for as long as it takes."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.lock = threading.Lock()
        self.settings = settings
        self.values: dict[str, dict[str, Any]] = defaultdict(
            lambda: {"value": 0, "version": 1, "open": True}
        )
        self.lists: dict[str, list[str]] = defaultdict(list)
        for name, length in settings.get("lists", {}).items():
            self.lists[name] = [f"{name}-{number}" for number in range(1, length + 1)]
        self.names: set[str] = set()
        self.users: Counter[str] = Counter()
        self.in_flight = 0
        self.busy: set[int] = set()
        self.requests = 0
        self.began: float | None = None
        self.reached: dict[str, float] = {}

    def begin(self) -> None:
        """Counts a request; the first one starts the clock."""
        with self.lock:
            now = time.monotonic()
            self.requests += 1
            self.in_flight += 1
            self.began = now if self.began is None else self.began
            for name, shelf in self.settings.get("shelves", {}).items():
                if self.requests == shelf.get("after_requests"):
                    self.reached[name] = now

    def end(self) -> None:
        with self.lock:
            self.in_flight -= 1

    def is_away(self, shelf: str) -> bool:
        """Whether the shelf is in one of its outages."""
        settings = self.settings["shelves"][shelf]
        with self.lock:
            now = time.monotonic()
            began = now if self.began is None else self.began
            windows = [(at, seconds) for at, seconds in settings.get("windows", [])]
            if shelf in self.reached:
                windows.append((self.reached[shelf] - began, settings["seconds"]))
        return any(at <= now - began < at + seconds for at, seconds in windows)

    def enter(self, pool: str) -> bool:
        """Whether there is room for one more user."""
        at_most = int(self.settings["pools"][pool]["at_most"])
        with self.lock:
            if self.users[pool] >= at_most:
                return False
            self.users[pool] += 1
            return True

    def leave(self, pool: str) -> None:
        with self.lock:
            self.users[pool] -= 1

    def is_strained(self, report: str) -> bool:
        """Fails the more often, the more is going on at the same time."""
        settings = self.settings["reports"][report]
        with self.lock:
            load = len(self.busy) if settings["counts"] == "busy" else self.in_flight
        over = load - settings["from"] + 1
        rate = min(0.9, over * float(settings["step"]))
        return bool(random.SystemRandom().random() < rate)

    def get(self, name: str) -> dict[str, Any]:
        with self.lock:
            return dict(self.values[name])

    def put(self, name: str, change: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        with self.lock:
            record = self.values[name]
            if change.get("version", record["version"]) != record["version"]:
                return HTTPStatus.CONFLICT, dict(record)
            record.update(change, version=record["version"] + 1)
            return HTTPStatus.OK, dict(record)

    def append(self, name: str) -> str:
        with self.lock:
            records = self.lists[name]
            records.append(f"{name}-{len(records) + 1}")
            return records[-1]

    def page(self, name: str, number: int) -> list[str]:
        with self.lock:
            return self.lists[name][(number - 1) * PAGE : number * PAGE]

    def take(self, name: str) -> bool:
        with self.lock:
            if name in self.names:
                return False
            self.names.add(name)
            return True


Answer = tuple[int, dict[str, Any]]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    shop: Shop

    def finish(self) -> None:
        with self.shop.lock:
            self.shop.busy.discard(id(self))
        super().finish()

    def respond(self) -> None:
        parts = urlsplit(self.path)
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        if parts.path == "/":
            self.send(HTTPStatus.OK, {"shop": "open"})
            return
        words = parts.path.strip("/").split("/")
        query = {key: int(found[0]) for key, found in parse_qs(parts.query).items()}
        self.shop.begin()
        try:
            status, answer = self.answer(words, query, body)
        finally:
            self.shop.end()
        self.send(status, answer)

    do_GET = do_PUT = do_POST = do_DELETE = respond

    def answer(self, words: list[str], query: dict[str, int], body: dict[str, Any]) -> Answer:
        """By the first word of the path."""
        pause = query.get("ms", 0) / 1000
        match self.command, words:
            case "GET", ["wait"]:
                time.sleep(pause)
            case "PUT", ["busy"]:
                with self.shop.lock:
                    self.shop.busy.add(id(self))
            case "DELETE", ["busy"]:
                with self.shop.lock:
                    self.shop.busy.discard(id(self))
            case "GET", ["shelves", name]:
                if self.shop.is_away(name):
                    return HTTPStatus.SERVICE_UNAVAILABLE, {"error": "not available"}
                time.sleep(pause)
            case "GET", ["pools", name]:
                return self.use(name, pause)
            case "GET", ["reports", name]:
                time.sleep(pause)
                if self.shop.is_strained(name):
                    return HTTPStatus.SERVICE_UNAVAILABLE, {"error": "not available"}
            case "GET", ["values", name]:
                return HTTPStatus.OK, self.shop.get(name)
            case "PUT", ["values", name]:
                return self.shop.put(name, body)
            case "GET", ["lists", name]:
                return HTTPStatus.OK, {"ids": self.shop.page(name, query.get("page", 1))}
            case "POST", ["lists", name]:
                return HTTPStatus.CREATED, {"id": self.shop.append(name)}
            case "POST", ["names", name]:
                if not self.shop.take(name):
                    return HTTPStatus.CONFLICT, {"error": "exists"}
                return HTTPStatus.CREATED, {"name": name}
            case _:
                return HTTPStatus.NOT_FOUND, {"error": "no such place"}
        return HTTPStatus.OK, {}

    def use(self, pool: str, pause: float) -> Answer:
        if not self.shop.enter(pool):
            status = self.shop.settings["pools"][pool]["status"]
            return status, {"error": "try again later"}
        try:
            time.sleep(pause)
        finally:
            self.shop.leave(pool)
        return HTTPStatus.OK, {}

    def send(self, status: int, answer: dict[str, Any]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Says nothing: nobody reads it."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A test that was ended in the middle of a request is no error of the server's."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    Handler.shop = Shop(json.loads(Path(__file__).with_name("settings.json").read_text()))
    server = Server(("127.0.0.1", options.port), Handler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
