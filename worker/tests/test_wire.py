"""Frames and messages."""

import array
import os
import socket
import struct

import pytest

from pnl_worker import wire

MESSAGES = [
    {"t": "start", "i": 0, "at": 2**53},
    {"t": "notice", "level": "info", "text": "é ✓ 🎉 \x00 \x1b[2J \u2028 \r\n"},
    {"t": "bye"},
]


@pytest.fixture
def pair(tmp_path_factory):
    """A connection and the raw socket at its other end."""
    folder = tmp_path_factory.mktemp("s")
    with socket.socket(socket.AF_UNIX) as listener:
        before = os.getcwd()
        os.chdir(folder)  # a socket's path has at most 107 bytes
        try:
            listener.bind("s")
            listener.listen()
            connection = wire.Connection("s")
        finally:
            os.chdir(before)
        other, _ = listener.accept()
        other.settimeout(10)
        with other:
            yield connection, other
        connection.close()


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 64, 1000])
def test_messages_come_out_whole_however_the_bytes_arrive(size):
    data = b"".join(wire.encode(message) for message in MESSAGES)
    decoder = wire.Decoder()
    got = [
        message
        for at in range(0, len(data), size)
        for message in decoder.feed(data[at : at + size])
    ]
    assert got == MESSAGES


def test_a_frame_is_a_big_endian_length_and_json_without_escapes():
    frame = wire.encode({"t": "é"})
    assert frame == b"\x00\x00\x00\x0a" + '{"t":"é"}'.encode()


def test_lone_surrogates_become_question_marks():
    (message,) = wire.Decoder().feed(wire.encode({"t": "x", "text": "a\udc80b\ud800"}))
    assert message["text"] == "a?b?"


def test_a_message_too_large_is_not_sent():
    with pytest.raises(wire.ProtocolError, match=r"a tests message of \d+ bytes is over"):
        wire.encode({"t": "tests", "tests": "x" * wire.MAX_FRAME})


def test_the_largest_message_passes():
    envelope = len(wire.encode({"t": "x", "text": ""})) - 4
    message = {"t": "x", "text": "x" * (wire.MAX_FRAME - envelope)}
    assert wire.Decoder().feed(wire.encode(message)) == [message]


def test_a_frame_too_large_is_refused_before_it_is_read():
    with pytest.raises(wire.ProtocolError, match="is over"):
        wire.Decoder().feed(struct.pack(">I", wire.MAX_FRAME + 1))


@pytest.mark.parametrize(
    ("body", "how"),
    [
        (b"", "not JSON"),
        (b"garbage", "not JSON"),
        (b'{"t":"x"', "not JSON"),
        (b'{"t":"\xff\xfe"}', "not JSON"),
        (b"[1]", "no type"),
        (b"null", "no type"),
        (b'{"i":1}', "no type"),
        (b'{"t":1}', "no type"),
    ],
)
def test_garbage_is_a_protocol_error(body, how):
    with pytest.raises(wire.ProtocolError, match=how):
        wire.Decoder().feed(struct.pack(">I", len(body)) + body)


def test_messages_held_back_go_out_first_and_together(pair):
    connection, other = pair
    connection.buffer(MESSAGES[0])
    connection.buffer(MESSAGES[1])
    other.setblocking(False)
    with pytest.raises(BlockingIOError):
        other.recv(1)
    connection.send(MESSAGES[2])
    assert wire.Decoder().feed(other.recv(65536)) == MESSAGES


def test_what_is_written_by_hand_is_what_the_encoder_would_write(pair):
    connection, other = pair
    connection.buffer_passed(7, 2**53, (0.000001, 12.5, 0.0))
    connection.send_start(8, 2**53 + 1)
    done = {"t": "done", "i": 7, "start": 2**53, "outcome": "passed", "phases": [1e-6, 12.5, 0.0]}
    start = {"t": "start", "i": 8, "at": 2**53 + 1}
    assert wire.Decoder().feed(other.recv(65536)) == [done, start]


def test_receive_without_waiting_finds_nothing_then_something_then_the_end(pair):
    connection, other = pair
    assert connection.receive(wait=False) == []
    frame = wire.encode(MESSAGES[0])
    other.sendall(frame[:3])
    assert connection.receive(wait=True) == []
    other.sendall(frame[3:])
    assert connection.receive(wait=True) == [MESSAGES[0]]
    other.close()
    assert connection.receive(wait=False) is None


@pytest.mark.parametrize("receive", ["receive", "receive_with_fds"])
def test_a_controller_that_died_with_unread_messages_is_an_end(pair, receive):
    connection, other = pair
    connection.send(MESSAGES[0])
    other.close()  # what it had not read makes this a reset
    if receive == "receive":
        assert connection.receive(wait=True) is None
    else:
        assert connection.receive_with_fds() is None


def test_sending_to_a_controller_that_is_gone_is_seen_by_the_next_receive(pair):
    connection, other = pair
    other.close()
    connection.send(MESSAGES[0])
    connection.send(MESSAGES[0])
    assert connection.receive(wait=False) is None


def test_descriptors_travel_with_their_messages_in_order(pair):
    connection, other = pair
    pipes = [os.pipe() for _ in range(2)]
    for _, write in pipes:
        socket.send_fds(other, [wire.encode(MESSAGES[2])], [write])
        os.close(write)
    got = []
    while len(got) < 2:
        got += connection.receive_with_fds()
    for number, (read, _) in enumerate(pipes):
        fd = connection.take_fd()
        os.write(fd, str(number).encode())
        os.close(fd)
        with os.fdopen(read, "rb") as file:
            assert file.read() == str(number).encode()
    with pytest.raises(wire.ProtocolError, match="without its descriptor"):
        connection.take_fd()


def test_a_received_descriptor_is_not_inherited_by_the_suites_subprocesses(pair):
    connection, other = pair
    read, write = os.pipe()
    rights = array.array("i", [write])
    other.sendmsg([wire.encode(MESSAGES[2])], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
    connection.receive_with_fds()
    fd = connection.take_fd()
    assert not os.get_inheritable(fd)
    for each in (read, write, fd):
        os.close(each)
