#!/usr/bin/env python3
"""The main job on real input: `lanes` keeps order, exclusion and every message of the default data, of recorded traces
and of generated load.

The traces are no part of the project. They are looked for in ../shared/traces beside the source tree, or where the
environment variable CONVOY_TRACES says; without them, their test is skipped.
"""

import os
import pathlib

from program import SANITIZED, ProgramTest, main

SOURCE = pathlib.Path(__file__).resolve().parents[2]
TRACES = pathlib.Path(os.environ.get("CONVOY_TRACES") or SOURCE.parent / "shared" / "traces")


class MainJobTest(ProgramTest):
    def assert_kept(self, *arguments, messages):
        with self.subTest(arguments):
            result = self.replay(*arguments, "--strategy", "lanes")
            (run,) = result["runs"]
            self.assertEqual((result["trace"]["messages"], run["messages"]), (messages, messages))
            broken = {name: run[name] for name in ("order_violations", "overlaps", "lost", "repeated")}
            self.assertEqual(set(broken.values()), {0}, broken)

    def assert_kept_by_empty_handlers(self, *arguments, messages):
        for producers in ("3",) if SANITIZED else ("1", "3"):
            self.assert_kept(*arguments, "--service", "fixed:0", "--service-kind", "spin", "--workers", "4",
                             "--producers", producers, messages=messages)

    def test_keeps_order_of_the_default_data(self):
        self.assert_kept("--service", "trace:0.1", messages=20_000)

    def test_keeps_order_of_recorded_traces(self):
        traces = {"nasa_http_url": 30_969, "cache2k_web12": 95_607, "ethereum_recipient": 24_342,
                  "scoop_app_updates": 74_035}
        if not TRACES.is_dir():
            self.skipTest(f"no traces in {TRACES}; CONVOY_TRACES says where they are")
        for name, messages in traces.items():
            self.assert_kept_by_empty_handlers(str(TRACES / f"{name}.csv.gz"), messages=messages)

    def test_keeps_order_of_generated_load(self):
        for keys in (1, 1_000, 1_000_000):
            for theta in ("0", "0.99", "1.2"):
                self.assert_kept_by_empty_handlers("--zipf", f"{keys}:{theta}:200000", messages=200_000)


if __name__ == "__main__":
    main()
