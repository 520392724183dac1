import shutil

import pytest


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    # Chromium refuses to run as root with its sandbox.
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    chromium = {"executable_path": shutil.which("chromium"), "args": quiet}
    return {**browser_type_launch_args, **chromium}
