"""Where each case lies, and how its file is written."""

from dataclasses import dataclass, field
from textwrap import indent

from planting.chooser import Chooser
from planting.composition import Planted
from planting.words import Case

FOLDER = "tests/http"
TESTS_IN_A_FILE = 7


@dataclass
class File:
    """A file to be; under the name "" are the functions of none of its classes."""

    name: str
    classes: dict[str, list[Case]] = field(default_factory=lambda: {"": []})


@dataclass
class Suite:
    """All files, and each case's node id."""

    files: list[File]
    nodeids: dict[Case, str]


def place(choose: Chooser, planted: list[Planted]) -> Suite:
    """Cases that belong together are put so that it makes a difference, sometimes."""
    count = max(2, sum(len(each.planting.cases) for each in planted) // TESTS_IN_A_FILE)
    files = [File(f"test_{choose.noun()}") for _ in range(count)]
    for file in files:
        if choose.chance(0.5):
            file.classes[choose.class_name()] = []
    for each in planted:
        for case, (file, group) in zip(
            each.planting.cases, _places(choose, files, each), strict=True
        ):
            file.classes[group].append(case)
    return Suite(files, _name(choose, files))


def _places(choose: Chooser, files: list[File], planted: Planted) -> list[tuple[File, str]]:
    """A file and a class for each case."""
    cases = planted.planting.cases
    random = choose.random
    draw = random.random() if planted.planting.together else 1.0
    if draw < 0.25:
        file = random.choice(files)
        return [(file, random.choice(list(file.classes)))] * len(cases)
    if draw < 0.55:
        file = random.choice(files)
        return [(file, random.choice(list(file.classes))) for _ in cases]
    chosen = random.sample(files, len(files))
    found = [chosen[number % len(chosen)] for number in range(len(cases))]
    return [(file, random.choice(list(file.classes))) for file in found]


def _name(choose: Chooser, files: list[File]) -> dict[Case, str]:
    """Shuffles each file's tests, and names them."""
    nodeids = {}
    for file in files:
        for group, cases in file.classes.items():
            choose.random.shuffle(cases)
            for case in cases:
                words = [f"{FOLDER}/{file.name}.py", group, choose.test_name()]
                nodeids[case] = "::".join(word for word in words if word)
    return nodeids


def write(file: File, nodeids: dict[Case, str], choose: Chooser) -> str:
    """The file's text: imports, what stands above, and functions and classes in any order."""
    cases = [case for group in file.classes.values() for case in group]
    functions = [_function(case, nodeids[case]) for case in file.classes[""]]
    classes = [
        f"class {name}:\n" + indent("\n\n".join(_methods(group, nodeids)), "    ")
        for name, group in file.classes.items()
        if name and group
    ]
    blocks = [*functions, *classes]
    choose.random.shuffle(blocks)
    above = [case.above for case in cases if case.above]
    return "\n\n\n".join([_imports(cases), *above, *blocks]) + "\n"


def _imports(cases: list[Case]) -> str:
    """Only what is used."""
    text = "\n".join([case.above + case.body + case.mark for case in cases])
    names = {name for case in cases for name in case.imports}
    plain = sorted(name for name in names if " " not in name and f"{name}." in text)
    others = sorted(name for name in names if " " in name)
    return "\n".join([*(f"import {name}" for name in plain), *others])


def _methods(cases: list[Case], nodeids: dict[Case, str]) -> list[str]:
    return [_function(case, nodeids[case], "self") for case in cases]


def _function(case: Case, nodeid: str, *first: str) -> str:
    arguments = ", ".join([*first, *case.fixtures])
    name = nodeid.rpartition("::")[2]
    lines = [f"def {name}({arguments}):", indent(case.body, "    ")]
    return "\n".join([case.mark, *lines] if case.mark else lines)
