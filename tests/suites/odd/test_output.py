import os
import sys


def test_binary():
    os.write(1, bytes(range(256)) * 20)
    os.write(2, b"\xff\xfe\x00" * 100)
    raise AssertionError("with garbage")


def test_much():
    print("x" * 2_000_000)


def test_escapes():
    print("\x1b[2J\x1b]0;title\x07\0")
    sys.stderr.write("\r\b")
    raise AssertionError("\x1b[31m")


def test_surrogates():
    print("\udc80")


def test_closes_stdout():
    os.close(1)


def test_after_stdout():
    print("goes nowhere")


def test_closes_stderr():
    os.close(2)


def test_after_stderr():
    os.write(1, b"x") if False else None
    print("fine", file=sys.stderr)


def test_replaces():
    sys.stdout = None


def test_after_all():
    pass


def test_prints_from_child():
    os.system("echo from a child; echo and err >&2")
    raise AssertionError
