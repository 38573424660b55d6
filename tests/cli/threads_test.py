#!/usr/bin/env python3
"""Where the system has no room for as many threads as were asked for, `convoy replay` says so and ends."""

import resource
import unittest

from program import SANITIZED, STRATEGIES, ProgramTest, main


def leave_room_for_some_threads():
    eight_mib = 8 << 20  # of stack each
    resource.setrlimit(resource.RLIMIT_STACK, (eight_mib, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_AS, (250 * eight_mib, resource.RLIM_INFINITY))


@unittest.skipIf(SANITIZED, "a sanitizer needs more address space than that")
class ThreadsTest(ProgramTest):
    def assert_refused_for_want_of_threads(self, strategy, option):
        with self.subTest(f"{strategy} {option}"):
            self.assert_refused(self.input, "--strategy", strategy, option, "1024", says="cannot start",
                                preexec_fn=leave_room_for_some_threads)

    def test_says_that_it_cannot_start_so_many_workers(self):
        for strategy in ("unordered", "shards", "mutex"):
            self.assert_refused_for_want_of_threads(strategy, "--workers")

    def test_says_that_it_cannot_start_so_many_producers(self):
        for strategy in STRATEGIES:
            self.assert_refused_for_want_of_threads(strategy, "--producers")


if __name__ == "__main__":
    main()
