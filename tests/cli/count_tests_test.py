#!/usr/bin/env python3
"""tools/count_tests, by which tools/test judges: nothing that failed, or did not run, is counted as passed.

Usage: count_tests_test.py SCRIPT [unittest options]
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = ""
PROJECT = "cmake_minimum_required(VERSION 3.22)\nproject(counted NONE)\nenable_testing()\n"
PASSES = "add_test(NAME passes COMMAND ${CMAKE_COMMAND} -E true)\n"
FAILS = "add_test(NAME fails COMMAND ${CMAKE_COMMAND} -E false)\n"
CANNOT_START = "add_test(NAME cannot_start COMMAND /no/such/program)\n"
SKIPS = ("add_test(NAME skips COMMAND ${CMAKE_COMMAND} -E echo skipped)\n"
         "set_tests_properties(skips PROPERTIES SKIP_REGULAR_EXPRESSION skipped)\n")


class CountTestsTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def assert_counted(self, tests, passed, failed, path=None):
        (self.directory / "CMakeLists.txt").write_text(PROJECT + tests)
        tree = self.directory / "build"
        subprocess.run(["cmake", "-S", self.directory, "-B", tree], check=True, capture_output=True, timeout=60)
        done = subprocess.run([SCRIPT, tree], capture_output=True, text=True, timeout=60,
                              env={**os.environ, **({"PATH": path} if path else {})})
        self.assertEqual(done.stdout, f"{passed} {failed}\n", done.stderr)
        self.assertEqual(done.returncode, 1 if failed else 0)

    def test_counts_what_passed_and_what_failed(self):
        self.assert_counted(PASSES + FAILS, 1, 1)

    def test_counts_a_test_that_could_not_start_as_failed_and_one_that_skipped_itself_as_neither(self):
        self.assert_counted(PASSES + SKIPS + FAILS + CANNOT_START, 1, 2)
        self.assert_counted(PASSES + SKIPS, 1, 0)

    def test_counts_no_test_at_all_as_a_failure(self):
        self.assert_counted("", 0, 1)

    def test_believes_the_status_of_ctest_where_the_summary_is_missing_or_says_nothing(self):
        fake = self.directory / "ctest"
        summary = "for last; do :; done\necho '<testcase name=\"a\" status=\"run\"' >\"$last\"\n"
        for text, passed in [("exit 8", 0), (summary + "exit 8", 1)]:
            fake.write_text("#!/bin/sh\n" + text + "\n")
            fake.chmod(0o755)
            self.assert_counted(PASSES, passed, 1, path=f"{self.directory}:{os.environ['PATH']}")


if __name__ == "__main__":
    SCRIPT = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=1)
