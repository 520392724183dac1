import faulty

faulty.at("collect", __name__)


def test_1():
    faulty.ran("passed")


def test_2():
    faulty.ran("passed")


def test_3():
    faulty.ran("passed")
