import pytest


@pytest.fixture(scope="module", params=["x", "y"])
def variant(request, package):
    return request.param


def test_a(variant, module):
    pass


def test_b(variant):
    pass


class TestClass:
    @pytest.fixture(autouse=True, scope="class")
    def own(self, klass):
        yield
        raise RuntimeError("class end")

    def test_c(self):
        pass

    def test_d(self):
        pass
