"""Tests that never fail. Some do what a culprit would do, and clean up, or only look."""

from planting.chooser import Chooser
from planting.words import Case, Plant, Planting


def stable(choose: Chooser) -> Planting:
    body, fixtures = choose.random.choice(FORMS)(choose)
    imports = ("time", "uuid", "socket", "os")
    return Planting([Case(body, "Never fails.", fixtures=fixtures, imports=imports)])


Form = tuple[str, tuple[str, ...]]


def _waits(choose: Chooser) -> Form:
    return f'{choose.pause(3, 55)}\nassert server.get("/wait?ms=1") == {{}}', ("server",)


def _waits_twice(choose: Chooser) -> Form:
    return f"{choose.pause(3, 25)}\n{choose.pause(3, 25)}", ("server",)


def _own_record(choose: Chooser) -> Form:
    place = f"/values/{choose.noun()}-"
    body = f"""
    place = "{place}" + uuid.uuid4().hex
    server.put(place, value={choose.ms(1, 99)})
    {choose.pause(3, 40)}
    assert server.get(place)["version"] == 2
    """
    return body, ("server",)


def _own_list(choose: Chooser) -> Form:
    body = f"""
    place = "/lists/{choose.noun()}-" + uuid.uuid4().hex
    mine = server.post(place)["id"]
    {choose.pause(3, 40)}
    assert server.get(place + "?page=1")["ids"] == [mine]
    """
    return body, ("server",)


def _own_file(choose: Chooser) -> Form:
    body = f"""
    file = tmp_path / "{choose.noun()}.csv"
    file.write_text("a;b\\n")
    time.sleep({choose.ms(3, 40) / 1000})
    assert file.read_text() == "a;b\\n"
    """
    return body, ("tmp_path",)


def _any_port(choose: Chooser) -> Form:
    body = f"""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        {choose.pause(3, 40)}
        assert listening.getsockname()[1] > 0
    """
    return body, ("server",)


def _cleans_up(choose: Chooser) -> Form:
    body = f"""
    monkeypatch.setenv("SHOP_{choose.noun().upper()}", "{choose.ms(1, 99)}")
    {choose.pause(3, 40)}
    assert len(os.environ) > 1
    """
    return body, ("server", "monkeypatch")


def _computes(choose: Chooser) -> Form:
    return f"assert sum(range({choose.ms(20, 90)}_000)) > 0\n{choose.pause(3, 20)}", ("server",)


FORMS = [
    _waits,
    _waits_twice,
    _own_record,
    _own_list,
    _own_file,
    _any_port,
    _cleans_up,
    _computes,
]

PLANTS: dict[str, Plant] = {"stable": stable}
