"""Tests that always fail."""

from planting.chooser import Chooser
from planting.words import Case, Kind, Plant, Planting


def assertion(choose: Chooser) -> Planting:
    total = choose.ms(10, 99)
    body = f"""
    {choose.pause(3, 30)}
    assert sum([{total}, 1]) == {total + 2}
    """
    return Planting([Case(body, "Expects a wrong sum.", Kind.BROKEN, imports=("time",))])


def missing(choose: Chooser) -> Planting:
    body = f"""
    {choose.pause(3, 30)}
    assert server.get("/{choose.noun()}") == {{}}
    """
    return Planting([Case(body, "Asks for what is not there.", Kind.BROKEN, imports=("time",))])


def setup(choose: Chooser) -> Planting:
    name = choose.noun()
    above = f"""
    @pytest.fixture
    def {name}():
        return {{"{name}": 1}}["{name}s"]
    """
    case = Case(
        f"assert {name} == 1\n{choose.pause(3, 30)}",
        "Its fixture fails.",
        Kind.BROKEN,
        fixtures=("server", name),
        imports=("pytest", "time"),
        above=above,
    )
    return Planting([case])


PLANTS: dict[str, Plant] = {
    "broken-assertion": assertion,
    "broken-request": missing,
    "broken-setup": setup,
}
