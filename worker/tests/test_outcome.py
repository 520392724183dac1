"""From real reports to one outcome."""

import re

import pytest
from reruns import RERUN_PLUGIN

from pnl_worker import outcome

SUITE = """
import pytest


@pytest.fixture
def broken_setup():
    raise RuntimeError("no set-up")


@pytest.fixture
def broken_teardown():
    yield
    raise RuntimeError("no tear-down")


def test_passed():
    pass


def test_failed():
    print("on stdout")
    assert 1 == 2, "sums are off"


def test_setup_error(broken_setup):
    pass


def test_teardown_error(broken_teardown):
    pass


def test_failed_and_teardown_error(broken_teardown):
    assert 1 == 2, "sums are off"


@pytest.mark.skip(reason="not today")
def test_skip_mark():
    pass


def test_skip_call():
    pytest.skip("not here")


def test_skip_then_teardown_error(broken_teardown):
    pytest.skip("not here")


@pytest.mark.xfail(reason="known bug")
def test_xfail():
    assert 1 == 2


@pytest.mark.xfail(reason="known bug")
def test_xfail_in_setup(broken_setup):
    pass


@pytest.mark.xfail(reason="known bug")
def test_xfail_then_teardown_error(broken_teardown):
    assert 1 == 2


@pytest.mark.xfail(reason="known bug", run=False)
def test_xfail_not_run():
    raise SystemExit(1)


@pytest.mark.xfail(reason="known bug")
def test_xpass():
    pass


@pytest.mark.xfail(reason="known bug", strict=True)
def test_strict_xpass():
    pass


@pytest.mark.xfail(raises=KeyError)
def test_xfail_of_another_kind():
    raise ValueError("not a KeyError")


def test_unknown_fixture(no_such_fixture):
    pass


def test_quits():
    raise SystemExit(3)


def helper():
    raise ValueError("deep")


def test_fails_in_a_helper_here():
    helper()


def test_fails_elsewhere():
    import json
    json.loads("{")


def test_fails_without_a_message():
    assert False


def test_message_of_many_lines():
    raise ValueError("\\n\\nfirst\\nsecond")


def test_non_ascii():
    print("é ✓ \\x00 \\x1b[31m")
    raise ValueError("größer \\udc80 🎉")
"""

EXPECTED = {
    "test_passed": "passed",
    "test_failed": "failed",
    "test_setup_error": "error",
    "test_teardown_error": "error",
    "test_failed_and_teardown_error": "failed",
    "test_skip_mark": "skipped",
    "test_skip_call": "skipped",
    "test_skip_then_teardown_error": "error",
    "test_xfail": "xfailed",
    "test_xfail_in_setup": "xfailed",
    "test_xfail_then_teardown_error": "xfailed",
    "test_xfail_not_run": "xfailed",
    "test_xpass": "xpassed",
    "test_strict_xpass": "failed",
    "test_xfail_of_another_kind": "failed",
    "test_unknown_fixture": "error",
    "test_quits": "failed",
    "test_fails_in_a_helper_here": "failed",
    "test_fails_elsewhere": "failed",
    "test_fails_without_a_message": "failed",
    "test_message_of_many_lines": "failed",
    "test_non_ascii": "failed",
}


def reports_by_test(pytester, suite):
    """Runs the suite in this process: all reports of each test, and the root folder."""
    path = pytester.makepyfile(test_suite=suite)
    # Some plugins cannot run inside another pytest of the same process (pytest-playwright).
    pytester._monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    record = pytester.inline_run("-p", "no:cacheprovider", "--tb=short", "--no-summary")
    by_test = {}
    for report in record.getreports("pytest_runtest_logreport"):
        by_test.setdefault(report.nodeid.partition("::")[2], []).append(report)
    return by_test, str(path.parent)


@pytest.fixture
def summaries(pytester):
    reports, root = reports_by_test(pytester, SUITE)
    return {name: outcome.summarise(rows, root) for name, rows in reports.items()}


def line_of(text):
    """The line in the suite, counted from 1."""
    before, found, _ = SUITE.lstrip("\n").partition(text)
    assert found
    return before.count("\n") + 1


def test_a_real_suites_outcomes_messages_and_places(summaries):
    # One run of the suite for many claims: starting a pytest is what costs.
    assert {name: it["outcome"] for name, it in summaries.items()} == EXPECTED

    failures = {name: it["failure"] for name, it in summaries.items() if "failure" in it}
    assert set(failures) == {name for name, word in EXPECTED.items() if word in ("failed", "error")}
    messages = {name: failure["message"] for name, failure in failures.items()}
    assert messages["test_failed"] == "AssertionError: sums are off"
    assert messages["test_setup_error"] == "RuntimeError: no set-up"
    assert messages["test_teardown_error"] == "RuntimeError: no tear-down"
    assert messages["test_failed_and_teardown_error"] == "AssertionError: sums are off"
    assert messages["test_unknown_fixture"] == "fixture 'no_such_fixture' not found"
    assert messages["test_quits"] == "SystemExit: 3"
    assert messages["test_fails_without_a_message"] == "assert False"
    assert "[XPASS(strict)] known bug" in messages["test_strict_xpass"]
    assert messages["test_non_ascii"].startswith("ValueError: größer")
    assert all("\n" not in message and message for message in messages.values())

    places = {name: (it.get("path"), it.get("line")) for name, it in failures.items()}
    here = "test_suite.py"
    assert places["test_failed"] == (here, line_of('assert 1 == 2, "sums'))
    assert places["test_setup_error"] == (here, line_of('raise RuntimeError("no set-up')), "fixture"
    assert places["test_fails_in_a_helper_here"] == (here, line_of('raise ValueError("deep")'))
    assert places["test_fails_elsewhere"] == (here, line_of("def test_fails_elsewhere"))
    assert places["test_unknown_fixture"][0] == here

    both = failures["test_failed_and_teardown_error"]["text"]
    assert re.findall(r"^--- (\w+) ---$", both, re.M) == ["call", "teardown"]
    assert "sums are off" in both and "no tear-down" in both
    assert "---" not in failures["test_failed"]["text"].splitlines()[0]
    assert ["Captured stdout call", "on stdout\n"] in failures["test_failed"]["sections"]
    (section,) = failures["test_non_ascii"]["sections"]
    assert section[1].startswith("é ✓ \x00 \x1b[31m")

    reasons = {name: it["reason"] for name, it in summaries.items() if "reason" in it}
    assert reasons["test_skip_mark"] == "not today"
    assert reasons["test_skip_call"] == "not here"
    assert reasons["test_xfail"] == reasons["test_xpass"] == "known bug"
    assert reasons["test_xfail_not_run"].endswith("known bug")
    assert set(reasons) == {
        name for name, word in EXPECTED.items() if word in ("skipped", "xfailed", "xpassed")
    }


def test_what_passed_plainly_is_what_a_summary_would_call_passed(pytester):
    reports, root = reports_by_test(pytester, SUITE)
    plain = {name: outcome.plainly_passed(rows) for name, rows in reports.items()}
    assert {name for name, phases in plain.items() if phases} == {"test_passed"}
    rows = reports["test_passed"]
    rounded = [round(seconds, 6) for seconds in plain["test_passed"]]
    assert rounded == outcome.summarise(rows, root)["phases"]
    assert outcome.plainly_passed(rows + rows) is None, "a plugin ran it twice"
    assert outcome.plainly_passed(rows[:1]) is None, "a plugin ran it in its own way"
    rows[1].wasxfail = ""
    assert outcome.plainly_passed(rows) is None


def test_phases_are_seconds_of_set_up_call_and_tear_down(pytester):
    suite = """
        import pytest, time

        @pytest.fixture
        def slow():
            began = time.perf_counter()
            while time.perf_counter() < began + 0.02: pass
            yield

        def test_it(slow):
            began = time.perf_counter()
            while time.perf_counter() < began + 0.01: pass
        """
    reports, root = reports_by_test(pytester, suite)
    setup, call, teardown = outcome.summarise(reports["test_it"], root)["phases"]
    assert setup >= 0.02
    assert call >= 0.01
    assert 0 <= teardown < 0.01


def test_subtests_count_for_their_test_and_their_time_once(pytester):
    pytest.importorskip("_pytest.subtests", reason="pytest 9 has subtests")
    suite = """
        import pytest, time

        def busy(seconds):
            end = time.perf_counter() + seconds
            while time.perf_counter() < end: pass

        def test_one_fails(subtests):
            with subtests.test("a"):
                assert 0, "in a"
            with subtests.test("b"):
                pass

        def test_one_is_skipped(subtests):
            with subtests.test("a"):
                pytest.skip("not a")
            with subtests.test("b"):
                busy(0.05)

        def test_expected_failure(subtests):
            with subtests.test("a"):
                pytest.xfail("known")
        """
    reports, root = reports_by_test(pytester, suite)
    one = {name: outcome.summarise(rows, root) for name, rows in reports.items()}
    assert one["test_one_fails"]["outcome"] == "failed"
    assert "in a" in one["test_one_fails"]["failure"]["message"]
    assert one["test_one_is_skipped"]["outcome"] == "passed"
    assert one["test_expected_failure"]["outcome"] == "passed"
    assert 0.05 <= one["test_one_is_skipped"]["phases"][1] < 0.1


def test_a_text_of_a_megabyte_loses_its_middle(pytester):
    suite = """
        def test_talks():
            print("begin" + "x" * 1_000_000 + "end")
            raise ValueError("first" + "y" * 1_000_000 + "last")
        """
    reports, root = reports_by_test(pytester, suite)
    failure = outcome.summarise(reports["test_talks"], root)["failure"]
    ((_, stdout),) = failure["sections"]
    assert stdout.startswith("beginxxx") and stdout.endswith("xxxend\n")
    cut = 1_000_009 - outcome.LIMIT
    assert f"[… {cut} characters cut by pnl …]" in stdout
    for text in (stdout, failure["text"], failure["message"]):
        assert len(text) <= outcome.LIMIT + 100
    assert failure["message"].startswith("ValueError: firstyyy")


def test_a_text_at_the_limit_is_whole():
    assert outcome.cut("x" * outcome.LIMIT) == "x" * outcome.LIMIT


@pytest.mark.parametrize("character", ["x", "é", "🎉", "\x00"])
def test_the_longest_failure_fits_into_a_frame(pytester, character):
    # Plugins (a browser's console, a service's log) add sections of their own.
    from pnl_worker import wire

    suite = f"""
        import pytest

        @pytest.fixture(autouse=True)
        def logs(request):
            for number in range(40):
                request.node.add_report_section("call", f"log-{{number}}", {character!r} * 300_000)

        def test_talks():
            raise ValueError({character!r} * 1_000_000)
        """
    reports, root = reports_by_test(pytester, suite)
    done = {"t": "done", "i": 0, "start": 0, **outcome.summarise(reports["test_talks"], root)}
    assert len(wire.encode(done)) <= wire.MAX_FRAME


def test_the_last_attempt_of_a_plugins_reruns_counts(pytester):
    pytester.makeconftest(RERUN_PLUGIN)
    suite = """
        import pytest
        attempts = {}

        def attempt(name):
            attempts[name] = attempts.get(name, 0) + 1
            return attempts[name]

        @pytest.fixture
        def late_fixture():
            assert attempt("setup") == 2

        @pytest.fixture
        def late_teardown():
            yield
            assert attempt("teardown") == 2

        def test_second():
            assert attempt("second") == 2

        def test_never():
            assert False, f"attempt {attempt('never')}"

        def test_setup(late_fixture):
            pass

        def test_teardown(late_teardown):
            pass
        """
    reports, root = reports_by_test(pytester, suite)
    one = {name: outcome.summarise(rows, root) for name, rows in reports.items()}
    assert {name: it["outcome"] for name, it in one.items()} == {
        "test_second": "passed",
        "test_never": "failed",
        "test_setup": "passed",
        "test_teardown": "passed",
    }
    assert one["test_never"]["failure"]["message"].startswith("AssertionError: attempt 3")
    # What an observer asks after each report: is this test over?
    for rows in reports.values():
        over = [
            rows[at].when == "teardown" and not outcome.is_rerun(rows[: at + 1])
            for at in range(len(rows))
        ]
        assert over == [False] * (len(rows) - 1) + [True]


def test_xdists_report_of_a_dead_worker_is_a_crash():
    def report(when, verdict, longrepr=None):
        return pytest.TestReport("a.py::t", ("a.py", None, "t"), {}, verdict, longrepr, when)

    rows = [report("setup", "passed"), report("???", "failed", "worker 'gw0' crashed")]
    summary = outcome.summarise(rows, "/root")
    assert summary["outcome"] == "crashed"
    assert summary["failure"]["message"] == "worker 'gw0' crashed"
    assert "path" not in summary["failure"]


def test_nothing_but_a_setup_that_passed_is_no_outcome():
    def report(when, result):
        return pytest.TestReport("t", ("t", 0, "t"), {}, result, None, when)

    assert outcome.classify([]) == "unreported"
    assert outcome.classify([report("setup", "passed")]) == "unreported"
    assert outcome.classify([report("setup", "failed")]) == "error"
    assert outcome.classify([report("setup", "passed"), report("teardown", "passed")]) == "passed"
