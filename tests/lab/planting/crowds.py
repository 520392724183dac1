"""Limits on how much goes on at the same time."""

from functools import partial

from planting.chooser import Chooser
from planting.words import Case, Kind, Plant, Planting

WHY_ALSO = "one other user is enough, and each of them is one"


def pool(choose: Chooser) -> Planting:
    """Tests that share what bears only so many users at a time."""
    name = choose.noun()
    bearable = [1, 2, 2, 2, 3, 3]
    at_most = min(choose.random.choice(bearable), choose.workers - 1)
    status = choose.random.choice([429, 503])
    cases = [_uses(choose, name, at_most, status) for _ in range(choose.ms(4, 5) + at_most - 1)]
    for case in cases:
        case.culprits = [other for other in cases if other is not case]
    return Planting(cases, {"pools": {name: {"at_most": at_most, "status": status}}})


def _uses(choose: Chooser, name: str, at_most: int, status: int) -> Case:
    body = f"""
    {choose.pause(1, 6)}
    answer = server.ask("GET", "/pools/{name}?ms={choose.ms(25, 55)}")
    assert answer.status == 200
    """
    return Case(
        body,
        f"Its pool bears {at_most} at a time; who comes then gets {status}.",
        Kind.LOAD_SENSITIVE,
        imports=("time",),
        workers=at_most + 1,
        also={Kind.INTERFERES_WITH: WHY_ALSO} if at_most == 1 else {},
    )


def strain(counts: str, choose: Chooser) -> Planting:
    """One test that fails the more often, the more is going on, whoever does it."""
    name = choose.noun()
    least = min(choose.random.choice([2, 3, 3, 4]), choose.workers)
    step = round(choose.random.uniform(0.25, 0.5), 2)
    body = f"""
    {choose.pause(2, 10)}
    assert server.get("/reports/{name}?ms={choose.ms(5, 25)}") == {{}}
    """
    what = "workers are busy" if counts == "busy" else "requests are in flight"
    case = Case(
        body,
        f"Fails with probability {step} for each of the {what} from the {least}th on.",
        Kind.LOAD_SENSITIVE,
        imports=("time",),
        workers=least,
    )
    report = {"counts": counts, "from": least, "step": step}
    return Planting([case], {"reports": {name: report}}, registers=counts == "busy")


PLANTS: dict[str, Plant] = {
    "pool": pool,
    "strain-requests": partial(strain, "requests"),
    "strain-busy": partial(strain, "busy"),
}
