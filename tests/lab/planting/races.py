"""Pairs that race over a record of the server, a file or a port.

`struck`: a culprit changes the thing once, at a moment of its own. `held`: a culprit has it for all
of its duration. `mutual`: both do the same, and who comes second fails, or who writes last.
"""

from dataclasses import dataclass

from planting.chooser import Chooser
from planting.words import Case, Kind, Plant, Planting

IMPORTS = ("socket", "time", "uuid")


@dataclass(frozen=True)
class Place:
    """Where a race is, in the words of a cause, and the fixture that leads there."""

    words: str
    fixtures: tuple[str, ...]


def _one_sided(place: Place, victim: str, culprits: list[str]) -> Planting:
    blamed = [
        Case(body, f"Takes {place.words} from another test.", Kind.STABLE, place.fixtures, IMPORTS)
        for body in culprits
    ]
    cause = f"Fails when another test has {place.words} meanwhile."
    case = Case(victim, cause, Kind.INTERFERES_WITH, place.fixtures, IMPORTS, culprits=blamed)
    return Planting([case, *blamed], together=True)


def _mutual(place: Place, bodies: list[str]) -> Planting:
    cause = f"Fails when the other one has {place.words} meanwhile."
    cases = [Case(body, cause, Kind.INTERFERES_WITH, place.fixtures, IMPORTS) for body in bodies]
    for case in cases:
        case.culprits = [other for other in cases if other is not case]
    return Planting(cases, together=True)


def _strikers(choose: Chooser) -> int:
    """Now and then there are two culprits."""
    return 2 if choose.chance(0.25) else 1


def record_struck(choose: Chooser) -> Planting:
    name = choose.noun()
    victim = f"""
    own = uuid.uuid4().hex
    server.put("/values/{name}", value=own)
    {choose.pause(25, 50)}
    assert server.get("/values/{name}")["value"] == own
    """
    culprits = [
        f"""
        {choose.pause(2, 12)}
        server.put("/values/{name}", value={choose.ms(1, 99)})
        {choose.pause(2, 12)}
        """
        for _ in range(_strikers(choose))
    ]
    return _one_sided(Place(f"the record {name}", ("server",)), victim, culprits)


def record_held(choose: Chooser) -> Planting:
    name = choose.noun()
    look = _looks_twice if choose.chance(0.4) else _looks_once
    culprit = f"""
    server.put("/values/{name}", open=False)
    try:
        {choose.pause(25, 50)}
    finally:
        server.put("/values/{name}", open=True)
    """
    return _one_sided(Place(f"the record {name}", ("server",)), look(choose, name), [culprit])


def _looks_once(choose: Chooser, name: str) -> str:
    return f"""
    {choose.pause(2, 15)}
    assert server.get("/values/{name}")["open"]
    {choose.pause(2, 10)}
    """


def _looks_twice(choose: Chooser, name: str) -> str:
    """Whatever overlaps is seen: any change raises the version."""
    return f"""
    before = server.get("/values/{name}")
    {choose.pause(5, 40)}
    after = server.get("/values/{name}")
    assert before["open"] and after == before
    """


def record_mutual(choose: Chooser) -> Planting:
    name = choose.noun()
    # Much alike, or the longer one would lose nearly always.
    ms = choose.ms(20, 42)
    bodies = [
        f"""
        found = server.get("/values/{name}")
        {choose.pause(ms, ms + 8)}
        changed = server.ask("PUT", "/values/{name}", value=1, version=found["version"])
        assert changed.status == 200
        """
        for _ in range(2)
    ]
    return _mutual(Place(f"the record {name}", ("server",)), bodies)


def file_struck(choose: Chooser) -> Planting:
    name = choose.noun()
    victim = f"""
    own = uuid.uuid4().hex
    (var / "{name}.csv").write_text(own)
    {choose.pause(25, 50)}
    assert (var / "{name}.csv").read_text() == own
    """
    change = choose.random.choice(['write_text("a;b")', "unlink(missing_ok=True)"])
    culprits = [
        f"""
        {choose.pause(2, 12)}
        (var / "{name}.csv").{change}
        {choose.pause(2, 12)}
        """
        for _ in range(_strikers(choose))
    ]
    return _one_sided(Place(f"the file {name}.csv", ("server", "var")), victim, culprits)


def file_held(choose: Chooser) -> Planting:
    name = choose.noun()
    victim = f"""
    {choose.pause(2, 15)}
    assert not (var / "{name}.part").exists()
    {choose.pause(2, 10)}
    """
    culprit = f"""
    (var / "{name}.part").touch()
    try:
        {choose.pause(25, 50)}
    finally:
        (var / "{name}.part").unlink()
    """
    return _one_sided(Place(f"the file {name}.part", ("server", "var")), victim, [culprit])


def file_mutual(choose: Chooser) -> Planting:
    name = choose.noun()
    bodies = [
        f"""
        {choose.pause(1, 8)}
        (var / "{name}.part").touch(exist_ok=False)
        try:
            {choose.pause(20, 45)}
        finally:
            (var / "{name}.part").unlink()
        """
        for _ in range(2)
    ]
    return _mutual(Place(f"the file {name}.part", ("server", "var")), bodies)


def port_held(choose: Chooser) -> Planting:
    port = choose.port()
    culprit = f"""
    with socket.socket() as listening:
        while True:
            try:
                listening.bind(("127.0.0.1", {port}))
                break
            except OSError:
                time.sleep(0.002)
        listening.listen()
        {choose.pause(25, 50)}
    """
    return _one_sided(
        Place(f"port {port}", ("server",)), _listens(choose, port, longest=20), [culprit]
    )


def port_mutual(choose: Chooser) -> Planting:
    port = choose.port()
    bodies = [_listens(choose, port, longest=45) for _ in range(2)]
    return _mutual(Place(f"port {port}", ("server",)), bodies)


def _listens(choose: Chooser, port: int, longest: int) -> str:
    return f"""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", {port}))
        listening.listen()
        {choose.pause(longest // 2, longest)}
    """


PLANTS: dict[str, Plant] = {
    "record-struck": record_struck,
    "record-held": record_held,
    "record-mutual": record_mutual,
    "file-struck": file_struck,
    "file-held": file_held,
    "file-mutual": file_mutual,
    "port-held": port_held,
    "port-mutual": port_mutual,
}
