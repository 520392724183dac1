"""From pytest's reports of one test to the one outcome that pnl counts. PYTEST_DONT_REWRITE."""

from __future__ import annotations

import io
import os
from typing import Any, Optional

import pytest
from _pytest._io import TerminalWriter

LIMIT = 256 * 1024
"""Characters kept of one text (a traceback, a captured stream); the middle is cut."""

SECTIONS_LIMIT = 8 * LIMIT
"""Characters kept of all captured streams of a failure: plugins add as many as they like. With the
text and the message, at JSON's worst (6 bytes a character), it fits into a frame."""

Report = pytest.TestReport


def last_attempt(reports: list[Report]) -> list[Report]:
    """The reports since the last set-up: plugins that rerun tests emit several rows of phases."""
    for position in range(len(reports) - 1, -1, -1):
        if reports[position].when == "setup":
            return reports[position:]
    return reports


def is_rerun(reports: list[Report]) -> bool:
    """Whether a plugin has announced that the test will be run again."""
    return any(str(report.outcome) == "rerun" for report in last_attempt(reports))


def classify(reports: list[Report]) -> str:
    """The outcome's name in the protocol, by pytest's rules.

    Where nothing was reported but a set-up that passed, pytest counts nothing: a plugin ran the
    test in its own way, or not at all.
    """
    if all(report.when == "setup" and report.passed for report in reports):
        return "unreported"
    outcome = "passed"
    for report in reports:
        if str(report.when) == "???":
            return "crashed"  # xdist's report of a worker that died
        if report.outcome != "failed" and _is_subtest(report):
            continue
        if report.outcome == "failed":
            if report.when != "call":
                return "failed" if outcome == "failed" else "error"
            outcome = "failed"
        elif outcome == "failed":
            continue
        elif hasattr(report, "wasxfail"):
            if report.skipped:
                outcome = "xfailed"
            elif report.passed:
                outcome = "xpassed"
        elif report.outcome == "skipped":
            outcome = "skipped"
    return outcome


def _is_subtest(report: Report) -> bool:
    """Whether it reports a part of a test's call, by pytest 9 or pytest-subtests."""
    return type(report).__name__.lower() == "subtestreport"


def plainly_passed(reports: list[Report]) -> Optional[tuple[float, float, float]]:
    """The seconds of the three phases, if the test passed and there is nothing else to say of it.

    What :func:`summarise` would find in many more steps, for the most frequent case.
    """
    if len(reports) != 3:
        return None
    for report, when in zip(reports, _PHASES):
        if (
            type(report) is not pytest.TestReport
            or report.when != when
            or report.outcome != "passed"
            or "wasxfail" in report.__dict__
        ):
            return None
    return reports[0].duration, reports[1].duration, reports[2].duration


def summarise(reports: list[Report], root: str) -> dict[str, Any]:
    """What a ``done`` message says of a test: outcome, seconds of each phase, failure, reason.

    ``root`` is the folder that locations are relative to.
    """
    if len(reports) != 3:
        reports = last_attempt(reports)
    outcome = classify(reports)
    phases = [0.0, 0.0, 0.0]
    for report in reports:
        if report.when in _PHASES and not _is_subtest(report):
            phases[_PHASES[report.when]] += report.duration
    summary: dict[str, Any] = {"outcome": outcome, "phases": [round(p, 6) for p in phases]}
    if outcome in ("passed", "unreported"):
        return summary
    if outcome in ("failed", "error", "crashed"):
        summary["failure"] = _failure(reports, root)
    else:
        reason = _reason(reports)
        if reason:
            summary["reason"] = cut(reason)
    return summary


_PHASES = {"setup": 0, "call": 1, "teardown": 2}


def _failure(reports: list[Report], root: str) -> dict[str, Any]:
    failed = [report for report in reports if report.failed]
    texts = []
    for report in failed:
        text = _render(report)
        if len(failed) > 1 or report.when == "teardown":
            text = f"--- {report.when} ---\n{text}"
        texts.append(text)
    failure: dict[str, Any] = {
        "message": cut(_message(failed[0])),
        "text": cut("\n".join(texts)),
        "sections": _sections(failed[-1].sections),
    }
    location = _location(failed[0], root)
    if location:
        failure["path"], failure["line"] = location
    return failure


def _sections(sections: list[tuple[str, str]]) -> list[list[str]]:
    kept = []
    left = SECTIONS_LIMIT
    for name, text in sections:
        if text:
            kept.append([name, cut(text, min(LIMIT, left))])
            left = max(0, left - len(text))
    return kept


def _render(report: Report) -> str:
    """Render as pytest does. ``longreprtext`` would strip the first line's indentation."""
    to_terminal = getattr(report.longrepr, "toterminal", None)
    if to_terminal is None:
        return str(report.longrepr)
    stream = io.StringIO()
    writer = TerminalWriter(stream)
    writer.hasmarkup = False
    to_terminal(writer)
    return stream.getvalue().strip("\n")


def _message(report: Report) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    text = str(crash.message) if crash is not None else report.longreprtext
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return "failed without a message"
    if crash is not None:
        return lines[0]
    # A fixture lookup error has no crash entry, but pytest's mark of an error; a plain text (a
    # strict xpass, xdist's word of a crash) says most in its last line.
    marked = [line[1:] for line in lines if line.startswith("E ")]
    return (marked[0] if marked else lines[-1]).strip()


def _location(report: Report, root: str) -> Optional[tuple[str, int]]:
    """Where it failed if that is in the test's own file, else where the test is."""
    file, line, _ = report.location
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        # Windows drives and folders outside have no relative path: keep what pytest says.
        path = crash.path
        if os.path.isabs(path) and path.startswith(root + os.sep):
            path = os.path.relpath(path, root)
        if path == file or line is None:
            return path, int(crash.lineno)
    return None if line is None else (file, line + 1)


def _reason(reports: list[Report]) -> Optional[str]:
    for report in reports:
        wasxfail = getattr(report, "wasxfail", None)
        if wasxfail:
            return str(wasxfail)
        if report.outcome == "skipped":
            longrepr = report.longrepr
            text = str(longrepr[2]) if isinstance(longrepr, tuple) else str(longrepr)
            return text[len("Skipped: ") :] if text.startswith("Skipped: ") else text
    return None


def cut(text: str, limit: int = LIMIT) -> str:
    """The text, without its middle if it is over ``limit`` characters."""
    if len(text) <= limit:
        return text
    half = limit // 2
    gone = len(text) - 2 * half
    return f"{text[:half]}\n[… {gone} characters cut by pnl …]\n{text[len(text) - half :]}"
