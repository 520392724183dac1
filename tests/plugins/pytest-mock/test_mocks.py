import os

import pytest


@pytest.mark.parametrize("number", range(6))
def test_patched(mocker, number):
    mocker.patch("os.getcwd", return_value=str(number))
    assert os.getcwd() == str(number)


@pytest.fixture(scope="session")
def patched_for_all(session_mocker):
    return session_mocker.patch("os.getlogin", return_value="nobody")


@pytest.mark.parametrize("number", range(4))
def test_patched_for_all(patched_for_all, number):
    assert os.getlogin() == "nobody"


def test_fails(mocker):
    mocker.stub().assert_called_once()
