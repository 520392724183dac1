import pytest


def test_1(module):
    pass


def test_2(other_session, function):
    pass


class TestClass:
    def test_3(self, klass, module):
        pass

    def test_4(self, klass):
        pass

    class TestInner:
        def test_5(self, klass):
            pass


def test_6(module):
    raise AssertionError


@pytest.mark.skip
def test_7(module):
    pass


def test_8(package, module):
    pass
