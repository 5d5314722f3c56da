#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Adds up what CTest wrote (JUnit XML) and ends with two lines: "N skipped", "N passed, N failed".

usage: tally.py [--passed STEP]... [--failed STEP]... [FOLDER|FILE.xml]...

Steps are checks that are no tests of CTest's, such as a build. Exits with 1 when something failed
or nothing ran at all. Under CI=true a skipped test has failed: nothing is skipped quietly there.
"""
import argparse
import os
import pathlib
import sys
import xml.etree.ElementTree as xml


def outcome_of(case):
    """For CTest a test whose program is missing was "not run"; for us it has failed."""
    skipped = case.find("skipped")
    if case.get("status") == "run":
        return "passed"
    chosen = skipped is not None and skipped.get("message", "").startswith("SKIP_RETURN_CODE")
    return "skipped" if chosen or case.get("status") == "disabled" else "failed"


def outcomes(report):
    """The (name, outcome) of each test in a report at PRESET/results/LABEL.xml."""
    preset = report.absolute().parent.parent.name
    return [(f"{case.get('name')} ({preset})", outcome_of(case))
            for case in xml.parse(report).getroot().iter("testcase")]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--passed", action="append", default=[])
    parser.add_argument("--failed", action="append", default=[])
    parser.add_argument("reports", nargs="*", type=pathlib.Path)
    options = parser.parse_args()

    found = [(name, "passed") for name in options.passed] + [(name, "failed") for name in options.failed]
    for path in options.reports:
        for report in sorted(path.glob("*.xml")) if path.is_dir() else [path]:
            found += outcomes(report)
    if os.environ.get("CI") == "true":
        found = [(name, "failed" if outcome == "skipped" else outcome) for name, outcome in found]

    for name, outcome in found:
        if outcome != "passed":
            print(f"{outcome}: {name}")
    count = [outcome for _, outcome in found].count
    print(f"{count('skipped')} skipped")
    print(f"{count('passed')} passed, {count('failed')} failed")
    return 0 if count("failed") == 0 and count("passed") > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
