"""What a test leaves behind in its process, for the tests that come after it there."""

from collections.abc import Callable
from dataclasses import dataclass, field

from planting.chooser import Chooser
from planting.words import Case, Kind, Plant, Planting


@dataclass(frozen=True)
class State:
    """Something global: how it is looked at, changed, and put back."""

    usual: str
    """An expression that holds as long as nobody has changed it."""
    change: str
    restore: str
    imports: tuple[str, ...]
    words: str
    modules: dict[str, str] = field(default_factory=dict)


def _attribute(choose: Chooser) -> State:
    module, name = choose.noun(), choose.noun()
    usual, other = choose.random.sample(["EUR", "USD", "GBP", "CHF", "NOK", "JPY"], 2)
    return State(
        f'{module}.{name} == "{usual}"',
        f'{module}.{name} = "{other}"',
        f'{module}.{name} = "{usual}"',
        (f"from shop import {module}",),
        f"{module}.{name}",
        {f"shop/{module}.py": f'{name} = "{usual}"\n'},
    )


def _registry(choose: Chooser) -> State:
    module, name = choose.noun(), choose.noun()
    return State(
        f"{module}.{name} == []",
        f"{module}.{name}.append({choose.ms(1, 99)})",
        f"{module}.{name}.clear()",
        (f"from shop import {module}",),
        f"{module}.{name}",
        {f"shop/{module}.py": f"{name} = []\n"},
    )


def _environment(choose: Chooser) -> State:
    name = f"SHOP_{choose.noun().upper()}"
    return State(
        f'"{name}" not in os.environ',
        f'os.environ["{name}"] = "{choose.ms(1, 99)}"',
        f'os.environ.pop("{name}", None)',
        ("os",),
        name,
    )


def _precision(choose: Chooser) -> State:
    """Of the standard library, so that it can be had only once in a lab."""
    digits = choose.ms(5, 12)
    return State(
        "len(str(decimal.Decimal(1) / 3)) == 30",
        f"decimal.getcontext().prec = {digits}",
        "decimal.getcontext().prec = 28",
        ("decimal",),
        "decimal's precision",
    )


STATES: list[Callable[[Chooser], State]] = [_attribute, _attribute, _registry, _environment]


def _draw_state(choose: Chooser) -> State:
    if choose.chance(0.2) and choose.first("decimal"):
        return _precision(choose)
    return choose.random.choice(STATES)(choose)


def _case(choose: Chooser, state: State, line: str, cause: str) -> Case:
    """The line is somewhere between two pauses."""
    body = f"{choose.pause(2, 18)}\n{line}\n{choose.pause(2, 18)}"
    return Case(body, cause, imports=(*state.imports, "time"))


def _changers(choose: Chooser, state: State, count: int) -> list[Case]:
    cause = f"Changes {state.words} for those after it in the process."
    return [_case(choose, state, state.change, cause) for _ in range(count)]


def polluted(choose: Chooser, *, polluters: int = 1, cleaners: int = 0) -> Planting:
    """Fails after a polluter in the same process, unless a cleaner ran in between."""
    state = _draw_state(choose)
    victim = _case(choose, state, f"assert {state.usual}", f"Expects {state.usual}.")
    victim.kind = Kind.ORDER_DEPENDENT
    victim.culprits = _changers(choose, state, polluters)
    cause = f"Puts {state.words} back, whoever changed it."
    victim.cleaners = [_case(choose, state, state.restore, cause) for _ in range(cleaners)]
    cases = [victim, *victim.culprits, *victim.cleaners]
    return Planting(cases, modules=state.modules, together=True)


def polluted_twice(choose: Chooser) -> Planting:
    return polluted(choose, polluters=2)


def polluted_cleaned(choose: Chooser) -> Planting:
    return polluted(choose, cleaners=1)


def brittle(choose: Chooser) -> Planting:
    """Passes only after a setter in the same process."""
    state = _draw_state(choose)
    victim = _case(
        choose, state, f"assert not ({state.usual})", f"Needs that {state.words} was set before it."
    )
    victim.kind = Kind.ORDER_DEPENDENT
    victim.culprits = _changers(choose, state, choose.ms(1, 2))
    return Planting([victim, *victim.culprits], modules=state.modules, together=True)


PLANTS: dict[str, Plant] = {
    "polluted": polluted,
    "polluted-twice": polluted_twice,
    "polluted-cleaned": polluted_cleaned,
    "brittle": brittle,
}
