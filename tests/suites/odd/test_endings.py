import os
import sys
import unittest

import pytest


class NotAnException(BaseException):
    pass


def test_system_exit():
    sys.exit(3)


def test_system_exit_zero():
    raise SystemExit(0)


def test_base_exception():
    raise NotAnException("from below")


def test_generator_exit():
    raise GeneratorExit


def test_skip_of_unittest():
    raise unittest.SkipTest("another skip")


def test_skip():
    pytest.skip("a skip")


def test_importorskip():
    pytest.importorskip("no_such_module_anywhere")


def test_xfail_inside():
    pytest.xfail("known")


def test_fail():
    pytest.fail("told\nin lines", pytrace=False)


@pytest.mark.xfail(strict=True)
def test_strict_xpass():
    pass


@pytest.mark.xfail
def test_xpass():
    pass


@pytest.mark.xfail(raises=ValueError)
def test_xfail_of_another_kind():
    raise TypeError


@pytest.mark.xfail(run=False)
def test_xfail_not_run():
    os._exit(1)


@pytest.mark.skipif("sys.platform != 'no-such'")
def test_skipif_text():
    pass


def test_no_such_fixture(no_such_fixture):
    pass


def test_forks_and_leaves():
    pid = os.fork()
    if pid == 0:
        os._exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3


def test_warns():
    import warnings

    warnings.warn("an error here", UserWarning, stacklevel=1)


def test_recursion():
    def down():
        down()

    down()


def test_assert_with_bytes():
    assert b"\xff\x00" == b"\x00"


def test_surrogates():
    raise ValueError("lone \udc80 and \0")


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __str__


def test_unprintable():
    raise Unprintable


def test_group():
    if sys.version_info < (3, 11):
        pytest.skip("no groups")
    raise ExceptionGroup("several", [ValueError(1), ExceptionGroup("inner", [TypeError(2)])])


async def test_async_without_plugin():
    pass


def test_returns():
    return 1

