import json
import os
import urllib.request
from pathlib import Path

import pytest
from django.db import connection

from shop.models import Item

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def note_database():
    """Each worker must have a database of its own."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "master")
    Path(f"databases-{worker}").write_text(str(connection.settings_dict["NAME"]))


@pytest.mark.parametrize("number", range(12))
def test_each_test_begins_empty(number):
    Item.objects.create(name="the same name")
    assert Item.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("number", range(3))
def test_transactions(number):
    Item.objects.create(name="committed")
    assert Item.objects.count() == 1


def test_live_server(live_server):
    Item.objects.create(name="seen by the server")
    with urllib.request.urlopen(f"{live_server}/items") as answer:
        assert json.load(answer) == {"count": 1}


def test_queries_are_counted(django_assert_num_queries):
    with django_assert_num_queries(1):
        Item.objects.count()


@pytest.mark.xfail(strict=True)
def test_names_are_unique():
    Item.objects.create(name="twice")
    Item.objects.create(name="twice")
