"""Tests that fail by themselves, now and then."""

from functools import partial

from planting.chooser import Chooser
from planting.words import Case, Kind, Plant, Planting


def chance(rate: float, choose: Chooser) -> Planting:
    write = _at_several_places if choose.chance(0.4) else _at_one_place
    body, above = write(rate, choose)
    case = Case(
        body,
        f"Fails by itself with probability {rate}.",
        Kind.FLAKY_ALONE,
        imports=("os", "random", "time"),
        above=above,
        rate=rate,
    )
    return Planting([case])


def _at_one_place(rate: float, choose: Chooser) -> tuple[str, str]:
    body = f"""
    {choose.pause(3, 25)}
    luck = random.Random(os.urandom(8)).random()
    {choose.pause(2, 25)}
    assert luck >= {rate}
    """
    return body, ""


def _at_several_places(rate: float, choose: Chooser) -> tuple[str, str]:
    name = choose.noun()
    above = f"""
    def {name}_of(luck):
        if luck < {rate / 3:.4f}:
            raise KeyError("{name}")
        return {{"{name}": luck}}
    """
    body = f"""
    luck = random.Random(os.urandom(8)).random()
    {choose.pause(3, 20)}
    found = {name}_of(luck)
    if luck < {rate * 2 / 3:.4f}:
        raise TimeoutError("no answer in time")
    {choose.pause(2, 20)}
    assert found["{name}"] >= {rate}
    """
    return body, above


PLANTS: dict[str, Plant] = {
    f"chance-{percent}": partial(chance, percent / 100) for percent in (2, 5, 20, 50)
}
