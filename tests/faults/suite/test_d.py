import faulty
import pytest

faulty.at("collect", __name__)


def test_perhaps_fails():
    if not faulty.PLAN["failing"]:
        return faulty.ran("passed")
    faulty.ran("failed")
    raise AssertionError("as planned")


def test_skips():
    faulty.ran("skipped")
    pytest.skip("as planned")


@pytest.mark.xfail(reason="as planned")
def test_xfails():
    faulty.ran("xfailed")
    raise AssertionError("as planned")
