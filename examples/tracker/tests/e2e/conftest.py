"""Which browser the tests drive: the one of the system, if there is one."""

import os
import shutil
from typing import Any

import pytest

QUIET_BROWSER = [
    "--no-sandbox",  # Chromium refuses to run as root with it.
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    browser = os.environ.get("TRACKER_CHROMIUM") or shutil.which("chromium")
    if browser is None:
        return browser_type_launch_args  # Playwright looks for the one it has installed.
    return {**browser_type_launch_args, "executable_path": browser, "args": QUIET_BROWSER}
