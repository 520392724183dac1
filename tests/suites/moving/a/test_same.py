import os

import pytest


def test_cwd():
    assert os.path.basename(os.getcwd()) == "b"


def test_name():
    assert "test_same" in __name__


@pytest.fixture
def elsewhere(tmp_path, request):
    os.chdir(tmp_path)
    yield
    os.chdir(request.config.rootpath / "b")


class TestChange:
    def test_in(self, elsewhere):
        assert os.listdir(".") == []

    def test_fails_elsewhere(self, elsewhere):
        raise AssertionError("with a relative path")

    def test_monkey(self, monkeypatch, tmp_path):
        monkeypatch.chdir(tmp_path)
