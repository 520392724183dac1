"""Every way in which a test can end, but for its process's death."""

import pytest


@pytest.fixture(scope="session")
def session_value():
    return {"made": "once"}


@pytest.fixture(scope="module")
def module_value(session_value):
    yield session_value["made"]


@pytest.fixture
def broken_set_up():
    raise RuntimeError("set-up fails")


@pytest.fixture
def broken_tear_down():
    yield
    raise RuntimeError("tear-down fails")


def test_passes(module_value):
    assert module_value == "once"


def test_fails():
    print("said before it failed")
    assert 1 + 1 == 3


def test_error_in_set_up(broken_set_up):
    pass


def test_error_in_tear_down(broken_tear_down):
    pass


def test_fails_and_error_in_tear_down(broken_tear_down):
    assert False


@pytest.mark.skip(reason="by mark")
def test_skipped_by_mark():
    assert False


def test_skipped_from_inside():
    pytest.skip("from inside")


def test_skipped_and_error_in_tear_down(broken_tear_down):
    pytest.skip("and then the tear-down fails")


@pytest.fixture
def skipping_fixture():
    pytest.skip("from a fixture")


def test_skipped_by_fixture(skipping_fixture):
    assert False


@pytest.mark.xfail(reason="known")
def test_xfailed():
    assert False


@pytest.mark.xfail(reason="known, in set-up")
def test_xfailed_in_set_up(broken_set_up):
    pass


@pytest.mark.xfail(reason="not any more")
def test_xpassed():
    pass


@pytest.mark.xfail(strict=True, reason="not any more, and that matters")
def test_xpassed_strictly():
    pass


@pytest.mark.xfail(raises=KeyError)
def test_xfail_with_another_error():
    raise ValueError("not the one that was expected")


def test_xfailed_from_inside():
    pytest.xfail("from inside")


@pytest.mark.parametrize("text", ["größe", "two words", "a::b", "x/y.py", "[1]", "", "日本"])
def test_parametrized(text):
    assert text != "two words"


@pytest.mark.parametrize("number", [1, 1], ids=["same", "same"])
def test_ids_that_repeat(number):
    pass


class TestClass:
    @pytest.fixture(scope="class")
    def class_value(self, module_value):
        return [module_value]

    def test_first(self, class_value):
        class_value.append("first")

    def test_second(self, class_value):
        assert class_value[0] == "once"

    class TestInner:
        def test_deep(self):
            pass

    @pytest.fixture(scope="class")
    def broken_class_value(self):
        raise RuntimeError("for all who ask")

    def test_broken_first(self, broken_class_value):
        pass

    def test_broken_second(self, broken_class_value):
        pass


def test_raises_a_base_exception():
    raise SystemExit(3)



def test_message_of_several_lines_with_control_characters():
    raise AssertionError("one\n\x1b[31mtwo\x1b[0m\x00")
