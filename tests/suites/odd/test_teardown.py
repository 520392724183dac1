import pytest


@pytest.fixture(scope="module")
def module_end():
    yield
    raise RuntimeError("module end")


@pytest.fixture(scope="class")
def class_end():
    yield
    raise RuntimeError("class end")


@pytest.fixture
def end():
    yield
    raise RuntimeError("end")


@pytest.fixture
def other_end():
    yield
    raise ValueError("other end")


@pytest.fixture
def skip_end():
    yield
    pytest.skip("in the end")


def test_module_1(module_end):
    pass


class TestClass:
    def test_1(self, class_end):
        pass

    def test_2(self, class_end):
        pass


def test_end(end):
    pass


def test_two_ends(end, other_end):
    pass


def test_fails_and_end(end):
    raise AssertionError


def test_skip_end(skip_end):
    pass


def test_module_2(module_end):
    pass
