import os


def test_fails_in_every_tenth_round():
    number = int(os.environ["PNL_ROUND"])
    assert number % 10, f"round {number}"
