"""Frames and messages on the private socket. PYTEST_DONT_REWRITE.

A frame is a length (4 bytes, big-endian, unsigned) and that many bytes of UTF-8 JSON: one object,
whose key ``t`` names the message. This module knows nothing of pytest.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import time
from collections.abc import Callable
from typing import Any, Optional

VERSION = 2
MAX_FRAME = 16 * 1024 * 1024
_LENGTH = struct.Struct(">I")
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_decode = json.JSONDecoder().decode

Message = dict[str, Any]


class ProtocolError(Exception):
    """The other side broke the protocol; the message says how."""


def now_us(_clock: Callable[[], int] = time.monotonic_ns) -> int:
    """Microseconds on the monotonic clock, which all processes of a machine share.

    The clock is bound here, where nobody finds it: tests replace the functions of ``time``, and
    libraries that stop the clock for them look through the modules for further references.
    """
    return _clock() // 1000


def encode(message: Message) -> bytes:
    """One message as a frame. Lone surrogates, which UTF-8 cannot carry, become ``?``."""
    body = _encode(message).encode("utf-8", "replace")
    if len(body) > MAX_FRAME:
        raise ProtocolError(
            f"a {message.get('t')} message of {len(body)} bytes is over {MAX_FRAME}"
        )
    return _LENGTH.pack(len(body)) + body


class Decoder:
    """Cuts a stream of bytes into messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """Takes what arrived and returns the messages that are whole, in order."""
        buffer = self._buffer
        buffer += data
        messages = []
        at = 0
        while len(buffer) - at >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(buffer, at)
            if length > MAX_FRAME:
                raise ProtocolError(f"a frame of {length} bytes is over {MAX_FRAME}")
            end = at + _LENGTH.size + length
            if len(buffer) < end:
                break
            messages.append(_parse(bytes(buffer[at + _LENGTH.size : end])))
            at = end
        del buffer[:at]
        return messages


def _parse(body: bytes) -> Message:
    try:
        message = _decode(body.decode("utf-8"))
    except ValueError as error:
        raise ProtocolError(f"a frame is not JSON: {error}") from error
    if not isinstance(message, dict) or not isinstance(message.get("t"), str):
        raise ProtocolError("a message has no type")
    return message


class Connection:
    """The socket to the controller.

    ``buffer`` holds frames back until the next ``send``, so that a test's end and the next one's
    beginning cost one system call.
    """

    def __init__(self, path: str) -> None:
        self._take(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        self._socket.connect(path)
        # A daemon that a test forks would keep it open, and the controller would wait for its end.
        os.register_at_fork(after_in_child=self.close)

    @classmethod
    def of(cls, accepted: socket.socket) -> Connection:
        """A connection that somebody else has begun."""
        connection = cls.__new__(cls)
        connection._take(accepted)
        return connection

    def _take(self, connected: socket.socket) -> None:
        self._socket = connected
        self._decoder = Decoder()
        self._held = b""
        self._received_fds: list[int] = []

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._socket.fileno()

    def buffer(self, message: Message) -> None:
        """Holds a message back until the next ``send`` or ``flush``."""
        self._held += encode(message)

    def buffer_passed(self, index: int, start: int, phases: tuple[float, float, float]) -> None:
        """As :meth:`buffer`, of a ``done`` for a test that passed.

        Written by hand, in a fifth of the time that the encoder takes.
        """
        setup, call, teardown = phases
        body = (
            f'{{"t":"done","i":{index},"start":{start},"outcome":"passed",'
            f'"phases":[{setup:.6f},{call:.6f},{teardown:.6f}]}}'
        ).encode("ascii")
        self._held += _LENGTH.pack(len(body)) + body

    def send_start(self, index: int, at: int) -> None:
        """As :meth:`send`, of a ``start``."""
        body = f'{{"t":"start","i":{index},"at":{at}}}'.encode("ascii")
        held, self._held = self._held, b""
        try:
            self._socket.sendall(held + _LENGTH.pack(len(body)) + body)
        except (BrokenPipeError, ConnectionResetError):
            return

    def send(self, message: Message) -> None:
        """Sends a message, after those held back."""
        self.buffer(message)
        self.flush()

    def flush(self) -> None:
        """Sends what was held back. A controller that is gone is told by the next ``receive``.

        A test must not fail and tear-downs must not be lost because nobody listens any more.
        """
        held, self._held = self._held, b""
        if held:
            try:
                self._socket.sendall(held)
            except (BrokenPipeError, ConnectionResetError):
                return

    def receive(self, *, wait: bool) -> Optional[list[Message]]:
        """The messages that have come, waiting for at least some bytes if told so.

        ``None`` means that the controller has closed the connection.
        """
        flags = 0 if wait else socket.MSG_DONTWAIT
        try:
            data = self._socket.recv(65536, flags)
        except BlockingIOError:
            return []
        except ConnectionResetError:
            return None
        return self._decoder.feed(data) if data else None

    def receive_with_fds(self) -> Optional[list[Message]]:
        """As ``receive(wait=True)``; descriptors sent along are kept for ``take_fd``."""
        try:
            data, fds, _, _ = socket.recv_fds(self._socket, 65536, 16)
        except ConnectionResetError:
            return None
        for fd in fds:
            os.set_inheritable(fd, False)
        self._received_fds.extend(fds)
        return self._decoder.feed(data) if data else None

    def take_fd(self) -> int:
        """The oldest descriptor that came and was not taken."""
        if not self._received_fds:
            raise ProtocolError("a message came without its descriptor")
        return self._received_fds.pop(0)

    def close(self) -> None:
        """Closes this process's end, and descriptors that nobody took."""
        self._socket.close()
        while self._received_fds:
            os.close(self._received_fds.pop())
