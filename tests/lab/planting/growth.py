"""What piles up on the server from round to round."""

from planting.chooser import Chooser
from planting.words import Case, Kind, Plant, Planting

PAGE = 100


def paging(choose: Chooser) -> Planting:
    """Each round adds records; from some round on a new one is not on the first page any more."""
    place = choose.noun()
    since = choose.ms(8, 30)
    each_round = choose.ms(2, min(7, PAGE // (since - 1)))
    lookers = choose.ms(1, min(2, each_round - 1))
    victims = [_looks(choose, place, since) for _ in range(lookers)]
    adders = [_adds(choose, place, each_round - lookers)]
    for victim in victims:
        victim.culprits = [*adders, *victims]
    # In round since-1 the last one is the hundredth at most, in round since none is.
    length = PAGE - each_round * (since - 1)
    return Planting([*victims, *adders], {"lists": {place: length}})


def _looks(choose: Chooser, place: str, since: int) -> Case:
    body = f"""
    mine = server.post("/lists/{place}")["id"]
    {choose.pause(3, 30)}
    assert mine in server.get("/lists/{place}?page=1")["ids"]
    """
    cause = f"Since round {since} the record that it adds is on page 2."
    return Case(body, cause, Kind.ACCUMULATES, imports=("time",), since_round=since)


def _adds(choose: Chooser, place: str, count: int) -> Case:
    body = f"""
    for _ in range({count}):
        server.post("/lists/{place}")
    {choose.pause(3, 30)}
    """
    return Case(body, "Adds records, and never fails.", imports=("time",))


def taken(choose: Chooser) -> Planting:
    """Passes only the first time on a server."""
    body = f"""
    {choose.pause(3, 30)}
    answer = server.ask("POST", "/names/{choose.noun()}")
    assert answer.status == 201
    """
    cause = "Adds a name that exists from the second round on."
    case = Case(body, cause, Kind.ACCUMULATES, imports=("time",), since_round=2)
    case.culprits = [case]
    return Planting([case])


PLANTS: dict[str, Plant] = {"paging": paging, "taken": taken}
