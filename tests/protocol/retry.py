"""A test with marks, which passes only when it is tried again."""

import os

import pytest


@pytest.mark.pnl(retries=1, lock=["db", "mail"], timeout="10s")
def test_again():
    if os.environ["PNL_ATTEMPT"] == "1":
        pytest.fail("the first time", pytrace=False)
