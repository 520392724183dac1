"""Which hooks do the same for one file's tests as for all."""

import textwrap
from types import SimpleNamespace

import pytest

from pnl_worker import per_item

PLAIN = {
    "marks by keyword": """
        def hook(config, items):
            '''Words.'''
            if config.getoption("--slow"):
                return
            skip = pytest.mark.skip(reason="slow")
            for item in items:
                if "slow" in item.keywords and not item.name.startswith("x"):
                    item.add_marker(skip)
    """,
    "imports and settings": """
        def hook(items):
            from sys import platform
            if platform != "nowhere":
                for item in items:
                    if not any(m.name == "e2e" for m in item.iter_markers()):
                        continue
                    folder = os.path.basename(item.path)
                    item.user_properties.append(("folder", folder))
    """,
    "what this session does not come to": """
        def hook(config, items):
            if config.backend:
                start_tests(items)
            else:
                for item in items: item.add_marker(pytest.mark.x)
    """,
    "nothing at all": """
        def hook(items): pass
    """,
}

NEEDS_ALL = {
    "sorting": "items.sort(key=str)",
    "choosing": "items[:] = [item for item in items if item.name]",
    "counting": "for n, item in enumerate(items): item.add_marker(str(n))",
    "counting by hand": """
        n = 0
        for item in items:
            n += 1
            item.add_marker(str(n))
    """,
    "a flag from one to the next": """
        seen = False
        for item in items:
            if seen: item.add_marker('x')
            seen = True
    """,
    "a set of what was seen": """
        seen = set()
        for item in items: seen.add(item.name)
    """,
    "an alias of something shared": """
        for item in items:
            known = config.known
            known.append(item)
    """,
    "the first alone": """
        for item in items:
            item.add_marker('first')
            break
    """,
    "the session's list": "for item in items: item.session.items.remove(item)",
    "an unknown function": "for item in items: helper(item)",
    "an unknown function before": "helper(config)",
    "a shared object": "for item in items: config.last = item",
    "a backend that is on": """
        if config.frontend: start_tests(items)
    """,
    "their number": "config.count = len(items)",
    "a wrapper": "yield",
    "a closure": "f = lambda: items",
}


def function(tmp_path, source):
    file = tmp_path / "hooks.py"
    file.write_text(f"import os\nimport pytest\n{source}", encoding="utf-8")
    names = {}
    exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), names)
    return names["hook"]


CONFIG = SimpleNamespace(backend=None, frontend=True, getoption=lambda name: False, known=[])


@pytest.mark.parametrize("source", PLAIN.values(), ids=PLAIN)
def test_a_loop_over_tests_that_keep_to_themselves_is_plain(tmp_path, source):
    assert per_item.is_per_item(function(tmp_path, textwrap.dedent(source)), CONFIG)


@pytest.mark.parametrize("body", NEEDS_ALL.values(), ids=NEEDS_ALL)
def test_anything_else_is_not(tmp_path, body):
    source = "def hook(config, items):\n" + textwrap.indent(textwrap.dedent(body), "    ")
    assert not per_item.is_per_item(function(tmp_path, source), CONFIG)


def test_a_hook_without_source_is_not():
    names = {}
    exec("def hook(items): pass", names)
    assert not per_item.is_per_item(names["hook"], CONFIG)
