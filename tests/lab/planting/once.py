"""A test that passes only the first time in a process."""

from planting.chooser import Chooser
from planting.words import Case, Kind, Plant, Planting

WHY_ALSO = "repeated in one process it fails after itself; each round has fresh processes"


def once(choose: Chooser) -> Planting:
    name = choose.noun()
    case = Case(
        f"""
        {choose.pause(3, 30)}
        assert "{name}" not in SEEN_{name.upper()}
        SEEN_{name.upper()}.add("{name}")
        """,
        "Passes only the first time in a process; with fresh ones for each round it never fails.",
        imports=("time",),
        above=f"SEEN_{name.upper()} = set()",
        also={Kind.ORDER_DEPENDENT: WHY_ALSO},
    )
    case.culprits = [case]
    return Planting([case])


PLANTS: dict[str, Plant] = {"once-in-process": once}
