"""What truth.json says of a test is what it does: alone, beside others, after others."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
from draw import draw
from planting.composition import Parameters
from planting.races import PLANTS as RACES
from playing import SEED, Lab, playing

OFTEN = 12
MUTUAL = [race for race in RACES if "mutual" in race]
ONE_SIDED = [race for race in RACES if race not in MUTUAL]


def passes(scene: list[list[bool]]) -> bool:
    return all(passed for lane in scene for passed in lane)


def test_stable_tests_pass_beside_each_other_again_and_again(lab: Lab) -> None:
    names = lab.of("stable")
    [lanes] = lab.play([names * 2, names[::-1] * 2, names[3:] + names[:3]])
    assert all(passed for lane in lanes for passed in lane)


def test_a_victim_fails_beside_its_culprits_and_neither_alone_nor_after_them(lab: Lab) -> None:
    # Races know nothing of each other, so that all can be run at once.
    races = [lab.of(race) for race in ONE_SIDED]
    for victim, *culprits in races:
        assert lab.tests[victim]["verdict"] == "interferes-with"
        assert lab.tests[victim]["culprits"] == culprits
    alone, after, beside = lab.play(
        [[victim] * 3 for victim, *_ in races],
        [[*culprits, victim] for victim, *culprits in races],
        [lane * 10 for victim, *culprits in races for lane in ([victim], culprits)],
    )
    assert passes(alone) and passes(after)
    assert [all(lane) for lane in beside] == [False, True] * len(races)


def test_of_a_mutual_race_both_can_lose(lab: Lab) -> None:
    races = [lab.of(race) for race in MUTUAL]
    for first, second in races:
        assert lab.tests[first]["culprits"] == [second]
        assert lab.tests[second]["culprits"] == [first]
    # What is in between differs in length, so that neither always comes first.
    pauses = lab.of("stable")
    one_by_one = [[one, one, two, two, one] for one, two in races]
    lanes = [
        [test for number in range(40) for test in (name, pauses[(number * step) % len(pauses)])]
        for race in races
        for step, name in zip((1, 2), race, strict=True)
    ]
    alone, beside = lab.play(one_by_one, lanes)
    assert passes(alone)
    assert all(False in lane[::2] and True in lane[::2] for lane in beside)
    assert passes([lane[1::2] for lane in beside])


@pytest.mark.parametrize("family", ["polluted", "polluted-twice", "polluted-cleaned"])
def test_a_polluter_is_one_in_the_same_process_and_a_cleaner_hides_it(
    lab: Lab, family: str
) -> None:
    victim = lab.of(family)[0]
    true = lab.tests[victim]
    alone, before, *rest = lab.play(
        [[victim, victim]],
        [[victim, *true["culprits"]], [victim]],
        *([[polluter, victim]] for polluter in true["culprits"]),
        *([[*true["culprits"], cleaner, victim]] for cleaner in true["cleaners"]),
    )
    assert alone == [[True, True]]
    assert all(passed for lane in before for passed in lane)
    polluted = rest[: len(true["culprits"])]
    cleaned = rest[len(true["culprits"]) :]
    assert polluted == [[[True, False]]] * len(true["culprits"])
    assert all(lane[-1] for scene in cleaned for lane in scene)
    assert len(true["culprits"]) == (2 if family == "polluted-twice" else 1)
    assert len(cleaned) == (family == "polluted-cleaned")


def test_a_brittle_test_needs_its_setter(lab: Lab) -> None:
    victim = lab.of("brittle")[0]
    setters = lab.tests[victim]["culprits"]
    scenes = lab.play([[victim], setters], *([[setter, victim]] for setter in setters))
    assert not scenes[0][0][0]
    assert all(scene == [[True, True]] for scene in scenes[1:])


def test_a_pool_bears_as_many_as_the_truth_says(lab: Lab) -> None:
    names = lab.of("pool")
    least = lab.tests[names[0]]["workers"]
    fits, crowded = lab.play(
        [[name] * OFTEN for name in names[: least - 1]], [[name] * OFTEN for name in names]
    )
    assert all(passed for lane in fits for passed in lane)
    assert sum(not passed for lane in crowded for passed in lane) > OFTEN // 2
    assert lab.tests[names[0]]["verdict"] == "load-sensitive"


@pytest.mark.parametrize("family", ["strain-requests", "strain-busy"])
def test_strain_comes_with_the_number_of_workers(lab: Lab, family: str) -> None:
    [victim] = lab.of(family)
    least = lab.tests[victim]["workers"]
    others = [name for name in lab.tests if "chance" in lab.tests[name]["family"]]
    below, many = lab.play(
        [[victim] * OFTEN, *[others * 2 for _ in range(least - 2)]],
        [[victim] * OFTEN, *[others * 3 for _ in range(10)]],
    )
    assert all(below[0])
    assert not all(many[0])


def test_records_pile_up_until_the_round_that_the_truth_names(lab: Lab) -> None:
    names = lab.of("paging")
    victims = [name for name in names if lab.tests[name]["verdict"] == "accumulates"]
    since = lab.tests[victims[0]]["since_round"]
    assert 8 <= since <= 30
    rounds = lab.play(*([names] for _ in range(since + 1)))
    for number, [lane] in enumerate(rounds, start=1):
        passed = dict(zip(names, lane, strict=True))
        assert all(passed[name] == (number < since) for name in victims), number
        assert all(passed[name] for name in names if name not in victims)


def test_a_name_is_taken_from_the_second_round_on(lab: Lab) -> None:
    [name] = lab.of("taken")
    assert lab.play([[name]], [[name]]) == [[[True]], [[False]]]


def test_what_passes_once_in_a_process_passes_in_each_new_one(lab: Lab) -> None:
    [name] = lab.of("once-in-process")
    assert lab.play([[name, name]], [[name]]) == [[[True, False]], [[True]]]


def test_what_is_broken_never_passes(lab: Lab) -> None:
    names = [name for name, true in lab.tests.items() if true["verdict"] == "broken"]
    assert len(names) == 3
    assert lab.play([names, names]) == [[[False] * 3] * 2]


def test_a_shelf_is_away_for_all_its_tests_at_once(tmp_path: Path) -> None:
    shelf = {shelf_of(tmp_path / "drawn"): {"after_requests": 40, "seconds": 0.3}}
    with playing(tmp_path / "lab", "outage", settings={"shelves": shelf}) as lab:
        tests = lab.of("outage")
        assert all(lab.tests[test]["verdict"] == "infrastructure" for test in tests)
        [lanes] = lab.play([[test] * 50 for test in tests])
    for lane in lanes:
        changes = [now for before, now in pairwise(lane) if now != before]
        # One that is slow to start, or quick to end, sees one change.
        assert changes in ([False, True], [False], [True]), lane
    assert sum(lane[0] for lane in lanes) > 1 and sum(lane[-1] for lane in lanes) > 1


def shelf_of(folder: Path) -> str:
    """The name that the seed draws."""
    draw(SEED, Parameters(families=("outage",)), folder)
    [name] = json.loads((folder / "settings.json").read_text())["shelves"]
    return str(name)
