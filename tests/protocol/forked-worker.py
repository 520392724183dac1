"""Two quick tests, for one round on one forked worker."""


def test_first():
    pass


def test_second():
    pass
