"""One test in each of two files, which workers collect."""


def test_it():
    pass
