"""Modules that were executed ahead: handed out where they would be the same again, and only there.

Each test has a process of its own, whose library is a folder that the test writes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PREPARE = """
import os, sys, importlib
from pnl_worker import shelf, stock
lib, project = sys.argv[1:]
sys.path[1:1] = [project, lib]
before = set(sys.modules)
kept = shelf.Shelf(["TERM"], [lib])
def fill(*names, refused=()):
    return stock.Stock(kept, set(refused)).fill(names)
def put(path, text):
    with open(path, "w") as file:
        file.write(text)
    os.utime(path, ns=(1, 1))  # another time than now's, whatever the clock's steps
    importlib.invalidate_caches()
def pid(module):
    return getattr(module, "PID", None)
"""


class Library:
    """Files of a library, and scripts that import it."""

    def __init__(self, folder: Path) -> None:
        self.lib = folder / "lib"
        self.project = folder / "project"
        self.lib.mkdir()
        self.project.mkdir()

    def write(self, name: str, text: str) -> None:
        path = self.lib / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text))

    def run(self, script: str, **env: str) -> None:
        package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        done = subprocess.run(
            [sys.executable, "-c", PREPARE + textwrap.dedent(script), self.lib, self.project],
            env={**os.environ, "PYTHONPATH": package, "PYTHONDONTWRITEBYTECODE": "1", **env},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr + done.stdout


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path)


def test_a_module_is_handed_out_once_and_is_not_there_before(library: Library) -> None:
    library.write("one.py", "PLACE = object()")
    library.run("""
        assert fill("one") == set()
        assert "one" not in sys.modules
        kept.install()
        import one
        assert one is kept.modules["one"].module
        assert one.__spec__.origin == one.__file__ and one.__spec__.loader is not kept
        first = one.PLACE
        del sys.modules["one"]
        import one
        assert one.PLACE is not first, "who removes a module wants a new one"
        """)


def test_modules_that_it_imports_come_along_and_no_others(library: Library) -> None:
    library.write("pack/__init__.py", "from .inner import inner\nfrom . import other")
    library.write("pack/inner.py", "def inner(): return 'function'")
    library.write("pack/other.py", "")
    library.write("pack/lazy.py", "import two")
    library.write("two.py", "")
    library.run("""
        assert fill("pack", "pack.inner", "pack.other", "pack.lazy", "two") == set()
        kept.install()
        import pack
        assert pack.inner() == "function", "not the module of that name"
        assert {"pack.inner", "pack.other"} <= sys.modules.keys()
        assert not {"pack.lazy", "two"} & sys.modules.keys()
        assert not hasattr(pack, "lazy")
        import pack.lazy
        assert pack.lazy is kept.modules["pack.lazy"].module and "two" in sys.modules
        """)


def test_a_changed_file_and_all_that_imports_it_are_executed(library: Library) -> None:
    library.write("low.py", "")
    library.write("middle.py", "import low")
    library.write("high.py", "import middle")
    library.write("apart.py", "")
    library.run("""
        assert fill("low", "middle", "high", "apart") == set()
        put(os.path.join(lib, "low.py"), "NEW = 1")
        kept.install()
        import high, apart
        fresh = [it for it in ("low", "middle", "high", "apart")
                 if sys.modules[it] is not kept.modules[it].module]
        assert fresh == ["low", "middle", "high"], fresh
        assert high.middle.low.NEW
        """)


def test_another_environment_means_executing(library: Library) -> None:
    library.write("colour.py", "import os\nCOLOUR = os.environ.get('COLOUR')")
    library.run(
        """
        assert fill("colour") == set()
        kept.install()
        os.environ["COLOUR"] = "blue"
        import colour
        assert colour.COLOUR == "blue"
        """,
        COLOUR="red",
    )
    library.run("""
        assert fill("colour") == set()
        kept.install()
        os.environ["TERM"] = os.environ["PYTEST_CURRENT_TEST"] = "x"
        import colour
        assert colour is kept.modules["colour"].module, "these are nobody's business"
        """)


def test_a_module_of_the_project_goes_first(library: Library) -> None:
    library.write("one.py", "")
    library.write("two.py", "try: import three\nexcept ImportError: three = None")
    library.run("""
        assert fill("one", "two") == set()
        put(os.path.join(project, "one.py"), "MINE = 1")
        put(os.path.join(project, "three.py"), "MINE = 1")
        kept.install()
        import one, two
        assert one.MINE
        assert two.three.MINE, "what was missing is there now"
        """)


def test_what_pytest_will_rewrite_is_left_to_it(library: Library) -> None:
    library.write("one.py", "")
    library.write("two.py", "import one")
    library.run("""
        assert fill("one", "two") == set()
        kept.install()
        class Hook:
            _must_rewrite = {"one"}
            def find_spec(self, name, path=None, target=None): return None
        sys.meta_path.insert(0, Hook())
        import two
        assert two is not kept.modules["two"].module
        """)


@pytest.mark.parametrize(
    "text",
    [
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()",
        "import os\nos.environ['LEFT'] = '1'",
        "import subprocess, sys\nsubprocess.run([sys.executable, '-c', ''])",
        "import tempfile\ntempfile.mkdtemp()",
        "import os\nopen(os.devnull, 'w')",
        "FILE = open(__file__)",
        "import warnings\nwarnings.warn('old', DeprecationWarning)",
        "raise ValueError",
        "import mine",
    ],
    ids=[
        "thread",
        "environment",
        "process",
        "folder",
        "writes",
        "file",
        "warns",
        "raises",
        "project",
    ],
)
def test_what_does_more_than_make_a_module_is_refused(library: Library, text: str) -> None:
    (library.project / "mine.py").write_text("")
    library.write("bad.py", text)
    library.write("user.py", "try: import bad\nexcept ValueError: pass")
    library.run("""
        assert {"bad"} <= fill("bad", "user")
        """)


@pytest.mark.parametrize(
    "watch",
    [
        "sys.settrace(lambda *_: None)",
        "sys.meta_path.insert(0, type('Hook', (), {'find_spec': lambda *_, **__: None})())",
        "sys.path_hooks.insert(0, print)",
        "sys.modules['gevent.monkey'] = sys",
    ],
    ids=["trace", "finder", "path hook", "patched"],
)
def test_who_watches_modules_being_made_sees_them_made(library: Library, watch: str) -> None:
    library.write("one.py", "")
    library.run(f"""
        assert fill("one") == set()
        kept.install()
        {watch}
        import one
        assert one is not kept.modules["one"].module
        """)


def test_who_imports_what_was_refused_is_refused(library: Library) -> None:
    library.write("bad.py", "")
    library.write("user.py", "import bad")
    library.run("""
        assert fill("user", refused=["bad"]) == {"bad", "user"}
        """)


def test_a_module_of_a_refused_package_is_refused_too(library: Library) -> None:
    library.write("pack/__init__.py", "import os\nos.environ['LEFT'] = '1'")
    library.write("pack/inner.py", "")
    library.write("apart.py", "")
    library.run("""
        assert {"pack", "pack.inner"} <= fill("pack.inner", "apart", refused=["pack"])
        """)
    library.run("""
        assert fill("pack.inner", "apart", refused=["pack", "pack.inner"]) == set()
        """)


def test_filters_and_modules_that_a_module_adds_come_again(library: Library) -> None:
    library.write("noisy.py", "import warnings\nwarnings.filterwarnings('ignore', message='xyz')")
    library.write(
        "adds.py",
        "import sys, types\nsys.modules['adds.made'] = made = types.ModuleType('adds.made')",
    )
    library.write("user.py", "import adds, sys\nname = sys.modules['adds.made']")
    library.run("""
        import warnings
        def has_filter():
            return any(getattr(it[1], "pattern", it[1]) == "xyz" for it in warnings.filters)
        assert fill("noisy", "adds", "user") == set()
        assert not has_filter() and "adds.made" not in sys.modules
        kept.install()
        import noisy, user
        assert noisy is kept.modules["noisy"].module and has_filter()
        assert user is kept.modules["user"].module and sys.modules["adds.made"] is user.name
        """)


def test_a_second_filling_adds_to_the_first(library: Library) -> None:
    library.write("one.py", "")
    library.write("two.py", "import one")
    library.run("""
        assert fill("one") == set()
        first = kept.modules["one"].module
        assert fill("two") == set()
        kept.install()
        import two
        assert two is kept.modules["two"].module and two.one is first
        """)
