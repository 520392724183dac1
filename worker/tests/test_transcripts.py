"""Replays the transcripts of tests/protocol: a fake controller says the controller's lines to real
processes, and what they say must match the recorded lines.

``PNL_RECORD=1`` writes all lines but the controller's anew, after a change of the protocol.
"""

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from pnl_worker import wire

FOLDER = Path(__file__).parent.parent.parent / "tests" / "protocol"
TRANSCRIPTS = sorted(FOLDER.glob("*.jsonl"))

STRINGS = {"token", "python", "pytest", "rootdir"}
"""Fields whose recorded value is ``<name>`` and stands for whatever really is there."""
NUMBERS = {"pid": "pid", "at": "time", "start": "time", "took": "span"}
"""Fields whose recorded numbers stand for others, the same for the same, by kind."""
USED = {"cpu": 0.0, "busy": 0.0, "memory": 0}
"""What a worker says that it used."""

TO_TEMPLATE = ("branch", "fork", "forked-by-branch", "lost", "shutdown", "retried")


class Replay:
    """One conversation, or several of one template and its workers."""

    def __init__(self, controller):
        self.controller = controller
        self.peers = {}
        self.pipes = []

    def say(self, message):
        """Sends a line of the controller's to whom it concerns."""
        role = "template" if message["t"] in TO_TEMPLATE else "worker"
        if message["t"] == "fork" and "branch" in self.peers:
            role = "branch"
        peer = self.peers[role]
        if message["t"] == "fork":
            read, write = os.pipe()
            peer.say_with_fds(message, write)
            os.close(write)
            self.pipes.append(os.fdopen(read))
        else:
            peer.say(message["t"], **{key: value for key, value in message.items() if key != "t"})

    def hear(self, role, kind):
        """The next message of a process of this role."""
        if kind == "hello":
            known_as = "template" if role == "branch" else role
            self.peers[role] = self.controller.accept(known_as)
            return self.peers[role].hello
        return self.peers[role].next()

    def close(self):
        """Nobody says more than was recorded."""
        for peer in self.peers.values():
            assert peer.rest() == []
        for pipe in self.pipes:
            pipe.close()


def as_recorded(value, known, field=""):
    """The value with placeholders in the place of what differs from run to run."""
    if isinstance(value, dict):
        return {key: as_recorded(it, known, key) for key, it in value.items()}
    if field == "phases":
        assert len(value) == 3 and all(isinstance(it, float) and 0 <= it < 60 for it in value)
        return [0.0, 0.0, 0.0]
    if field in USED:
        assert value >= 0
        return USED[field]
    if field in NUMBERS:
        numbers = known.setdefault(NUMBERS[field], {})
        return numbers.setdefault(value, 1001 + len(numbers))
    if field in STRINGS:
        assert value and known.setdefault(field, value) == value, "the same in all of a run"
        return f"<{field}>"
    if isinstance(value, list):
        return [as_recorded(it, known) for it in value]
    return value


def replay(controller, lines):
    """What was really said, as it would be recorded, in the order of the lines."""
    conversation = Replay(controller)
    known = {}
    said = []
    for line in lines:
        if line["from"] == "controller":
            conversation.say(line["message"])
            said.append(line)
        else:
            message = conversation.hear(line["from"], line["message"]["t"])
            assert message is not None, f"{line} was expected, and the conversation is over"
            said.append({"from": line["from"], "message": as_recorded(message, known)})
    conversation.close()
    return said


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_real_processes_say_what_was_recorded(controller, path):
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    module = re.sub(r"\W", "_", path.stem)
    shutil.copy(path.with_suffix(".py"), controller.suite / f"test_{module}.py")
    is_spread = module in ("branch", "spread")
    if is_spread:  # which takes two files
        shutil.copy(path.with_suffix(".py"), controller.suite / f"test_{module}_too.py")
    controller.start(lines[0]["from"], collect="auto" if is_spread else "full")
    said = replay(controller, lines)
    if os.environ.get("PNL_RECORD"):
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in said)
        path.write_text(text, encoding="utf-8")
    else:
        assert said == lines


def test_there_are_transcripts():
    assert len(TRANSCRIPTS) >= 6


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_every_conversation_begins_with_a_hello_of_this_version(path):
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    hellos = [line["message"] for line in lines if line["message"]["t"] == "hello"]
    assert lines[0]["message"] is not None and hellos[0] == lines[0]["message"]
    for hello in hellos:
        assert hello["v"] == wire.VERSION, "record the transcripts anew for a new version"
    assert len(hellos) == len({hello["pid"] for hello in hellos})
