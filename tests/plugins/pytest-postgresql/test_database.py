import os
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.parametrize("number", range(6))
def test_each_test_begins_empty(postgresql, number):
    worker = os.environ.get("PYTEST_XDIST_WORKER", "master")
    (HERE / f"port-{worker}").write_text(str(postgresql.info.port))
    with postgresql.cursor() as cursor:
        cursor.execute("CREATE TABLE item (name text)")
        cursor.execute("INSERT INTO item VALUES ('one')")
        cursor.execute("SELECT count(*) FROM item")
        assert cursor.fetchone() == (1,)
