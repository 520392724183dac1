"""Slow tests near a time limit: what they wait for needs a second try now and then."""

from planting.chooser import Chooser
from planting.words import Case, Kind, Plant, Planting


def marked(choose: Chooser) -> Planting:
    """The limit is pnl's, by a mark."""
    rate, limit, body = _slow(choose)
    case = Case(
        body,
        f"Takes longer than its limit of {limit} s with probability {rate}.",
        Kind.FLAKY_ALONE,
        imports=("os", "pytest", "random", "time"),
        mark=f"@pytest.mark.pnl(timeout={limit})",
        rate=rate,
    )
    return Planting([case])


def own(choose: Chooser) -> Planting:
    """The limit is the test's own."""
    rate, limit, body = _slow(choose)
    case = Case(
        f"began = time.monotonic()\n{body}\nassert time.monotonic() - began < {limit}",
        f"Takes longer than its own limit of {limit} s with probability {rate}.",
        Kind.FLAKY_ALONE,
        imports=("os", "random", "time"),
        rate=rate,
    )
    return Planting([case])


def _slow(choose: Chooser) -> tuple[float, float, str]:
    """Rate, limit in seconds, body. Both times are far from the limit: machines are not equal."""
    rate = choose.random.choice([0.06, 0.1, 0.15, 0.25])
    limit = choose.random.choice([0.3, 0.35, 0.4])
    body = "\n".join(
        [
            "chance = random.Random(os.urandom(8))",
            "time.sleep(chance.uniform(0.005, 0.04))",
            f"if chance.random() < {rate}:",
            f"    time.sleep(chance.uniform({limit * 1.1:.2f}, {limit * 1.6:.2f}))",
            'server.get("/wait?ms=2")',
        ]
    )
    return rate, limit, body


PLANTS: dict[str, Plant] = {"deadline-marked": marked, "deadline-own": own}
