"""xdist's options: told to the controller, and hidden from the suite, with xdist and without."""

import pytest

XDIST = pytest.param(["-p", "xdist", "-p", "xdist.looponfail"], id="with xdist")
NO_XDIST = pytest.param([], id="without xdist")
both = pytest.mark.parametrize("plugins", [XDIST, NO_XDIST])


def told(controller, *arguments, env=None, conftest=""):
    controller.write(test_a="def test_a(): pass", conftest=conftest)
    controller.start("template", *arguments, env=env)
    _, ready = controller.accept("template").collected()
    return ready.get("xdist")


@both
def test_nothing_is_told_where_nothing_was_said(controller, plugins):
    assert told(controller, *plugins) is None


@both
def test_what_was_typed_is_told_apart_from_what_was_configured(controller, plugins):
    (controller.suite / "pytest.ini").write_text("[pytest]\naddopts = -n 4 --dist loadscope\n")
    assert told(controller, *plugins, "-n", "auto", "--maxprocesses=3") == {
        "typed": {"numprocesses": "auto"},
        "configured": {"numprocesses": "auto", "dist": "loadscope"},
        "maxprocesses": 3,
    }


@both
def test_the_variable_of_options_is_no_typing(controller, plugins):
    env = {"PYTEST_ADDOPTS": "-d --max-worker-restart=0 --maxschedchunk=1 --no-loadscope-reorder"}
    assert told(controller, *plugins, env=env) == {
        "configured": {"dist": "load"},
        "max_worker_restart": 0,
        "maxschedchunk": 1,
        "loadscope_reorder": False,
    }


@both
@pytest.mark.parametrize(
    ("words", "typed"),
    [
        (["--dist", "no"], {"dist": "no"}),
        (["-n", "2", "--dist", "no"], {"numprocesses": 2}),
        (["-n0", "--dist", "loadfile"], {"numprocesses": 0, "dist": "loadfile"}),
        (["--numprocesses=logical", "-d"], {"numprocesses": "auto", "dist": "load"}),
    ],
)
def test_a_mode_that_is_no_mode_means_what_it_means_to_xdist(controller, plugins, words, typed):
    assert told(controller, *plugins, *words)["typed"] == typed


def test_auto_is_what_a_conftest_or_the_variable_says(controller):
    hook = "def pytest_xdist_auto_num_workers(config): return 5"
    assert told(controller, "-p", "xdist", conftest=hook)["auto"] == 5
    controller.write(conftest="")
    controller.start("template", "-p", "xdist", env={"PYTEST_XDIST_AUTO_NUM_WORKERS": "3"})
    assert controller.accept("template").collected()[1]["xdist"] == {"auto": 3}


@both
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--tx", "2*popen"], "--tx of pytest-xdist does not go with pnl: name a number"),
        (["--px", "id=a"], "--px of pytest-xdist does not go with pnl"),
        (["--rsyncdir", "."], "--rsyncdir of pytest-xdist does not go with pnl"),
        (["-f"], "-f/--looponfail of pytest-xdist does not go with pnl"),
        (["--max-worker-restart", "-1"], "is a whole number of at least 0, not '-1'"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_sentence(controller, plugins, words, sentence):
    controller.write(test_a="def test_a(): pass")
    process = controller.start("template", *plugins, *words)
    output, status = controller.output(process)
    assert status == 4
    assert sentence in output


SEES = """
import pytest
def pytest_load_initial_conftests(early_config):
    options = early_config.known_args_namespace
    assert not options.numprocesses and options.dist == "no", options
"""


@both
def test_early_plugins_and_tests_see_a_workers_options(controller, plugins):
    controller.write(
        early=SEES,
        test_a="""
            def test_a(request):
                option = request.config.option
                assert (option.numprocesses, option.maxprocesses, option.dist) == (None, None, "no")
                assert (option.tx, option.distload) == ([], False)
                assert not request.config.pluginmanager.hasplugin("dsession")
        """,
    )
    words = ["-p", "early", "-n", "3", "--maxprocesses=2", "--dist", "each"]
    template, _ = controller.template(*plugins, *words, env={"PYTHONPATH": _path(controller)})
    worker, _ = controller.fork(template)
    worker.say("run", tests=[0])
    worker.say("finish")
    done = [message for message in worker.rest() if message["t"] == "done"]
    assert done[0]["outcome"] == "passed", done


def _path(controller):
    from controller import PACKAGE_PARENT

    return f"{PACKAGE_PARENT}:{controller.suite}"
