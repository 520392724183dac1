import urllib.request

import pytest


@pytest.mark.parametrize("number", range(10))
def test_answers(httpserver, number):
    httpserver.expect_request("/number").respond_with_json(number)
    with urllib.request.urlopen(httpserver.url_for("/number")) as answer:
        assert answer.read() == str(number).encode()


def test_fails(httpserver):
    httpserver.expect_oneshot_request("/never")
    httpserver.check()
    assert not httpserver.log
    with httpserver.wait(timeout=0):
        pass
