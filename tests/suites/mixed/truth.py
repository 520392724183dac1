"""A plugin for the reference run: writes what pytest itself calls each report."""

import json
import os


def pytest_configure(config):
    config.pluginmanager.register(Truth(config))


class Truth:
    def __init__(self, config):
        self.config = config

    def pytest_runtest_logreport(self, report):
        status = self.config.hook.pytest_report_teststatus(report=report, config=self.config)
        if status is None:  # -p no:terminal
            is_told = report.when == "call" or not report.passed
            word = "error" if report.failed and report.when != "call" else report.outcome
            status = [word if is_told else ""]
        if status[0]:
            with open(os.environ["PNL_TEST_TRUTH"], "a", encoding="utf-8") as file:
                file.write(json.dumps([report.nodeid, status[0]]) + "\n")
