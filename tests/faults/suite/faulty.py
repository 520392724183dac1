"""Says durably what the suite does, and makes the fault of the plan at its place, once."""

import ctypes
import json
import os
import resource
import signal
import socket
import stat
import struct
import sys

import pytest

with open(os.environ["FAULTS_PLAN"]) as file:
    PLAN = json.load(file)

_facts = os.open(PLAN["facts"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
_facts_id = os.fstat(_facts).st_ino
_leaked = []


def is_worker():
    return "PYTEST_XDIST_WORKER" in os.environ


def current():
    """The node id of the running test, or None."""
    text = os.environ.get("PYTEST_CURRENT_TEST")
    return text.rpartition(" (")[0] if text else None


def fact(what, **more):
    """Appends a line. Whole also when many write, and when the descriptor was closed."""
    line = {
        "what": what,
        "pid": os.getpid(),
        "worker": os.environ.get("PYTEST_XDIST_WORKER"),
        "round": int(os.environ.get("PNL_ROUND", 0)),
        "attempt": int(os.environ.get("PNL_ATTEMPT", 0)),
        "nodeid": current(),
        **more,
    }
    data = (json.dumps(line) + "\n").encode()
    if _has_facts():
        os.write(_facts, data)
    else:
        again = os.open(PLAN["facts"], os.O_WRONLY | os.O_APPEND)
        os.write(again, data)
        os.close(again)


def _has_facts():
    try:
        return os.fstat(_facts).st_ino == _facts_id
    except OSError:
        return False


def process():
    """Makes this process known, to be looked for at the end."""
    fact("process", parent=os.getppid())


def ran(outcome):
    """What a test's body does: the fault if it is its turn, and the word of how it will end."""
    at("call")
    fact("call", outcome=outcome)


def at(phase, name=None):
    """Makes the fault, if this is its place and it has not been made."""
    if phase != PLAN["phase"] or PLAN["round"] not in (0, int(os.environ.get("PNL_ROUND", 0))):
        return
    victim = PLAN["victim"]
    if phase == "collect" and name + ".py" != victim.partition("::")[0]:
        return
    if phase in ("setup", "call", "teardown") and current() != victim:
        return
    if phase == "between" and name != victim:
        return
    try:
        os.close(os.open(PLAN["once"], os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    nodeid = name if phase == "between" else current()
    fact("fault", fault=PLAN["fault"], nodeid=nodeid, is_worker=is_worker())
    globals()["make_" + PLAN["fault"]]()


def make_none():
    pass


def make_kill():
    os.kill(os.getpid(), signal.SIGKILL)


def make_segv():
    os.kill(os.getpid(), signal.SIGSEGV)
    ctypes.string_at(8)


def make_exit0():
    os._exit(0)


def make_exit77():
    os._exit(77)


def make_stop():
    os.kill(os.getpid(), signal.SIGSTOP)


def make_stuck():
    """A call into C that answers no signal and keeps Python's lock."""
    signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP})
    while True:
        ctypes.PyDLL(None).pause()


def make_hog():
    """More memory than the process may have."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20), before[1]))
    try:
        bytearray(1 << 30)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def make_oom():
    """More memory than the control group has: the kernel ends this process."""
    with open(os.path.join(PLAN["cgroup"], "cgroup.procs"), "w") as file:
        file.write(str(os.getpid()))
    hoard = []
    while True:
        hoard.append(bytearray(b"x" * (4 << 20)))


def make_forks():
    """A bounded fork bomb: 6 detached children with 4 children each."""
    for _ in range(6):
        _detach(4)


def make_grandchild():
    _detach(0)


def _detach(children):
    """Returns when the daemon and its children have detached themselves."""
    read, write = os.pipe()
    first = os.fork()
    if first == 0:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if os.fork() == 0:
            for _ in range(children):
                if os.fork() == 0:
                    break
            fact("left")
            os.write(write, b".")
            os.close(write)
            os.closerange(0, 256)
            while True:
                signal.pause()
        os._exit(0)
    os.close(write)
    os.waitpid(first, 0)
    for _ in range(children + 1):
        os.read(read, 1)
    os.close(read)


def make_descriptors():
    """Leaks descriptors up to a limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        while True:
            _leaked.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        pass


def make_closed():
    """Closes all descriptors but the standard ones."""
    os.closerange(3, 4096)


def make_fill():
    """Fills the disk that the plan names."""
    with open(os.path.join(PLAN["disk"], "filling"), "wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass


def _connections():
    """This process's own sockets to pnl, as duplicates."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            if not stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                continue
            own = socket.socket(fileno=os.dup(int(name)))
            if own.family == socket.AF_UNIX and own.getpeername():
                found.append(own)
        except OSError:
            continue
    return found


def _frame(body):
    return struct.pack(">I", len(body)) + body


GARBAGE = {
    "bytes": lambda: os.urandom(4096),
    "half": lambda: struct.pack(">I", 1000) + b'{"t":"done"',
    "large": lambda: struct.pack(">I", (1 << 31) - 1),
    "unknown": lambda: _frame(b'{"t":"nonsense"}'),
    "no_json": lambda: _frame(b"\xff\xfe{"),
    "list": lambda: _frame(b"[1, 2]"),
    "foreign": lambda: _frame(b'{"t":"start","i":4000000,"at":1}'),
    "template": lambda: _frame(b'{"t":"gone","pid":1,"exit":0}'),
}


def make_garbage():
    """Writes to the connection what nobody understands."""
    for connection in _connections():
        connection.sendall(GARBAGE[PLAN["garbage"]]())


def make_stranger():
    """Connects to pnl as nobody that it knows, and stays."""
    for connection in _connections():
        stranger = socket.socket(socket.AF_UNIX)
        stranger.connect(connection.getpeername())
        try:
            stranger.sendall(GARBAGE[PLAN["garbage"]]())
        except OSError:
            pass
        _leaked.append(stranger)


def make_keyboard():
    raise KeyboardInterrupt


def make_sysexit():
    sys.exit(77)


def make_pytestexit():
    pytest.exit("as planned")


def make_raise():
    raise RuntimeError("as planned")


def make_hold():
    """Tells the injector, and waits until it lets this go on, or does something about it."""
    if PLAN["deaf"]:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as bell:
        bell.connect(PLAN["bell"])
        bell.sendall(json.dumps({"pid": os.getpid(), "parent": os.getppid()}).encode() + b"\n")
        bell.recv(1)
