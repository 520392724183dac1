"""Finding files without importing them."""

import textwrap

import pytest

from pnl_worker import spread

pytest_plugins = ["pytester"]


@pytest.fixture
def found(pytester, monkeypatch):
    """Runs pytest in process with a plugin that finds files; returns units and the session."""

    monkeypatch.setattr(spread, "KNOWN", spread.KNOWN | {__name__})  # the finder's own hook

    def find(*args):
        class Finder:
            @pytest.hookimpl(wrapper=True)
            def pytest_collection(self, session):
                self.why_full = spread.why_full(session.config, "auto")
                with spread.Files(session) as files:
                    result = yield
                self.files, self.session = files, session
                self.items = list(session.items)
                files.collect_all()
                return result

        finder = Finder()
        pytester.inline_run("-p", "no:anyio", "-p", "no:playwright", *args, plugins=[finder])
        return finder

    return find


def write(pytester, path, text):
    file = pytester.path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(textwrap.dedent(text), encoding="utf-8")


def test_files_are_found_by_pytests_rules_and_not_imported(pytester, found):
    write(pytester, "test_a.py", "def test_1(): pass")
    write(pytester, "below/test_b.py", "def test_2(): pass\ndef test_3(): pass")
    write(pytester, "below/helper.py", "")
    write(pytester, "build/test_ignored.py", "")
    write(pytester, "pkg/__init__.py", "")
    write(pytester, "pkg/test_c.py", "def test_4(): pass")
    finder = found()
    assert finder.items == [] and finder.why_full is None
    ids = sorted(spread.describe(unit)["id"] for unit in finder.files.units())
    assert ids == ["below/test_b.py", "pkg/test_c.py", "test_a.py"]
    assert sorted(item.name for item in finder.session.items) == [f"test_{n}" for n in range(1, 5)]


def test_a_file_collected_in_two_ways_is_one_unit(pytester, found):
    write(pytester, "test_a.py", '"""\n>>> 1\n1\n"""\ndef test_1(): pass')
    finder = found("--doctest-modules")
    assert [len(unit.nodes) for unit in finder.files.units()] == [2]
    assert len(finder.session.items) == 2


@pytest.mark.parametrize(
    "args, why",
    [
        (["--lf"], "--lf"),
        (["--ff"], "--ff"),
        (["--keep-duplicates"], "--keep-duplicates"),
        (["test_a.py::test_1"], "single tests were named"),
        (["-k", "test_1"], None),
        (["-m", "slow"], None),
    ],
)
def test_what_needs_all_tests_is_seen(pytester, found, args, why):
    write(pytester, "test_a.py", "def test_1(): pass")
    assert found(*args).why_full == why


def test_a_conftest_that_looks_at_all_tests_is_named(pytester, found):
    write(pytester, "test_a.py", "def test_1(): pass")
    write(pytester, "conftest.py", "def pytest_collection_modifyitems(items): items.reverse()")
    assert found().why_full == "pytest_collection_modifyitems of conftest.py"


def test_imports_mean_what_they_meant_when_pytest_came_to_the_file(pytester, found):
    for folder in ("a", "b"):
        write(pytester, f"{folder}/conftest.py", f"NAME = {folder!r}")
        write(pytester, f"{folder}/helpers.py", f"NAME = {folder!r}")
        text = f"""
            import conftest
            from importlib.util import find_spec
            HERE = __file__.rpartition("test_")[0]
            def test_{folder}(): pass
            assert conftest.NAME == {folder!r}
            assert find_spec("helpers").origin == HERE + "helpers.py"
        """
        write(pytester, f"{folder}/test_{folder}.py", text)
    finder = found()
    assert finder.session.testsfailed == 0
    assert [item.name for item in finder.session.items] == ["test_a", "test_b"]


def test_a_conftest_below_that_looks_at_all_tests_is_seen_once_it_is_loaded(pytester, found):
    write(pytester, "test_a.py", "def test_1(): pass")
    write(pytester, "below/test_b.py", "def test_2(): pass")
    write(pytester, "below/conftest.py", "def pytest_collection_modifyitems(items): items.sort()")
    finder = found()
    assert finder.why_full is None
    assert finder.files.why_full("auto") == "pytest_collection_modifyitems of below/conftest.py"
    assert finder.files.why_full("spread") is None
