def test_turned_good():
    pass


def test_turned_bad():
    raise AssertionError


def test_odd_status():
    pass


def test_renamed():
    pass
