def test_a(package, module):
    pass


def test_b(package):
    pass


def test_c(other_session):
    pass
