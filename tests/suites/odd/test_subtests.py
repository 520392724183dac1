import pytest

if not hasattr(pytest, "Subtests"):
    pytest.skip("pytest 9", allow_module_level=True)


def test_good(subtests):
    for n in range(3):
        with subtests.test("part", n=n):
            pass


def test_one_bad(subtests):
    for n in range(3):
        with subtests.test("part", n=n):
            assert n != 1


def test_skip(subtests):
    with subtests.test("a"):
        pytest.skip("part")


def test_all_skip_then_fail(subtests):
    with subtests.test("a"):
        pytest.skip("part")
    raise AssertionError


def test_xfail(subtests):
    with subtests.test("a"):
        pytest.xfail("part")


@pytest.mark.xfail
def test_marked(subtests):
    with subtests.test("a"):
        raise AssertionError
