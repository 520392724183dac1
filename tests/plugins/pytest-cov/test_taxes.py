import pytest

from pricing.taxes import with_tax


@pytest.mark.parametrize(("country", "price"), [("DE", 119), ("FR", 120)])
def test_with_tax(country, price):
    assert with_tax(100, country) == price


def test_unknown_country():
    with pytest.raises(LookupError):
        with_tax(100, "XX")
