#!/usr/bin/env python3
"""What `convoy replay` promises to whoever calls it: exit status, one-line errors, the fields of its JSON.

Usage: replay_test.py PROGRAM [unittest options]
"""

import gzip
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = ""
STRATEGIES = ["lanes", "single", "unordered", "shards", "mutex"]
INPUT = "timestamp_us,key,service_us,bytes\n" + "".join(
    f"{i * 100},{'hot' if i % 2 else 'cold' + str(i % 10)},{20 + i % 3},{i}\n" for i in range(400)
)


def convoy(*arguments, stdin=b""):
    return subprocess.run([PROGRAM, *arguments], input=stdin, capture_output=True, timeout=120)


class ReplayTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.input = self.write("input.csv", INPUT)

    def write(self, name, text):
        path = self.directory / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    def replay(self, *arguments, stdin=b""):
        """The JSON of a replay that must succeed."""
        done = convoy("replay", "--json", "-", *arguments, stdin=stdin)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def assert_refused(self, *arguments, says="", stdin=b""):
        done = convoy("replay", *arguments, stdin=stdin)
        error = done.stderr.decode()
        self.assertEqual(done.returncode, 2, error)
        self.assertEqual(done.stdout, b"")
        self.assertTrue(error.startswith("convoy: "), error)
        self.assertEqual(error.count("\n"), 1, error)
        self.assertTrue(error.endswith("\n"), error)
        self.assertIn(says, error)

    # -- figures

    def test_reports_every_strategy_with_every_field(self):
        result = self.replay(self.input, "--workers", "4")
        self.assertEqual(set(result["trace"]), {"messages", "keys", "hottest", "speedup_bound"})
        self.assertEqual((result["trace"]["messages"], result["trace"]["keys"]), (400, 6))
        hottest = result["trace"]["hottest"][0]
        self.assertEqual(set(hottest), {"key", "share", "work_share"})
        self.assertEqual((hottest["key"], hottest["share"]), ("hot", 0.5))
        self.assertEqual([run["strategy"] for run in result["runs"]], STRATEGIES)
        for run in result["runs"]:
            self.assertEqual(
                set(run),
                {"strategy", "workers", "seconds", "messages", "throughput", "order_violations", "overlaps", "lost",
                 "repeated", "bound_seconds", "efficiency", "convoy_share", "latency_us", "wait_share"},
            )
            self.assertEqual(set(run["latency_us"]), {"all", "hot", "cold"})
            for latency in run["latency_us"].values():
                self.assertEqual(set(latency), {"p50", "p99", "p999", "max"})
                self.assertLessEqual(latency["p50"], latency["p99"])
                self.assertLessEqual(latency["p99"], latency["p999"])
                self.assertLessEqual(latency["p999"], latency["max"])
            self.assertEqual(set(run["wait_share"]), {"admission", "own_key", "scheduler", "service"})
            self.assertAlmostEqual(sum(run["wait_share"].values()), 1)
            self.assertEqual(run["wait_share"]["own_key"], run["convoy_share"])
            self.assertEqual(run["workers"], 1 if run["strategy"] == "single" else 4)
            self.assertTrue(0 < run["efficiency"] <= 1, run)
            self.assertTrue(0 < run["bound_seconds"] <= run["seconds"], run)
            self.assertAlmostEqual(run["throughput"] * run["seconds"], 400)
            self.assertEqual((run["messages"], run["lost"], run["repeated"]), (400, 0, 0))
            if run["strategy"] != "unordered":
                self.assertEqual((run["order_violations"], run["overlaps"]), (0, 0), run)

    def test_bounds_the_speedup_by_the_hot_key(self):
        result = self.replay(self.input, "--service", "fixed:10us", "--strategy", "single", "--workers", "16")
        self.assertAlmostEqual(result["trace"]["speedup_bound"], 2)

    def test_a_sleeping_single_consumer_takes_longer_than_lanes(self):
        runs = self.replay("--zipf", "50:0:400", "--service", "fixed:1ms", "--strategy", "lanes,single")["runs"]
        self.assertGreater(runs[1]["seconds"], 3 * runs[0]["seconds"])
        self.assertGreaterEqual(runs[1]["seconds"], 0.4)

    def test_an_open_load_lasts_as_long_as_the_trace_at_its_speed(self):
        run = self.replay(self.input, "--speed", "0.5", "--strategy", "lanes")["runs"][0]
        self.assertGreaterEqual(run["seconds"], 399 * 100e-6 / 0.5)

    def test_says_which_defaults_it_used(self):
        done = convoy("replay", self.input, "--strategy", "single")
        self.assertEqual(done.returncode, 0, done.stderr)
        table = done.stdout.decode()
        for default in ["--closed", "--service trace", "--service-kind sleep", "--workers 16", "--seed 1"]:
            self.assertIn(default, table)
        self.assertNotIn("--strategy", table)

    def test_spins_on_one_worker_per_core_by_default(self):
        config = self.replay(self.input, "--service-kind", "spin", "--strategy", "mutex")["config"]
        self.assertEqual(config["workers"], config["cores"])

    def test_reads_standard_input_gzip_and_other_columns(self):
        text = INPUT.replace("key", "symbol").replace("service_us", "cost")
        options = ["--key", "symbol", "--service-column", "cost", "--strategy", "single"]
        for data in (text.encode(), gzip.compress(text.encode())):
            self.assertEqual(self.replay("-", *options, stdin=data)["trace"]["messages"], 400)

    def test_repeats_a_generated_trace_by_its_seed(self):
        options = ["--zipf", "100:1.2:2000", "--service", "fixed:0", "--service-kind", "spin", "--strategy", "single"]
        one, again, other = (self.replay(*options, "--seed", seed)["trace"] for seed in ("7", "7", "8"))
        self.assertEqual(one, again)
        self.assertNotEqual(one, other)

    def test_adds_a_hot_key(self):
        result = self.replay("--zipf", "100:0:2000", "--hot", "0.5", "--service", "fixed:0", "--strategy", "single")
        self.assertGreater(result["trace"]["hottest"][0]["share"], 0.4)

    def test_empty_handlers_have_no_bound(self):
        run = self.replay(self.input, "--service", "fixed:0", "--service-kind", "spin", "--strategy", "lanes")["runs"][0]
        self.assertEqual((run["bound_seconds"], run["efficiency"], run["wait_share"]["service"]), (0, 0, 0))

    def test_a_trace_of_one_key_has_no_cold_latency(self):
        result = self.replay("-", "--strategy", "single", stdin=b"key\na\na\n")
        self.assertIsNone(result["runs"][0]["latency_us"]["cold"]["p99"])

    # -- output

    def test_writes_json_to_a_file_and_the_table_to_stdout(self):
        path = self.directory / "out.json"
        path.write_text("old")
        done = convoy("replay", self.input, "--strategy", "single", "--json", str(path))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(path.read_text())["runs"][0]["strategy"], "single")
        self.assertIn(b"single", done.stdout)
        self.assertEqual(sorted(os.listdir(self.directory)), ["input.csv", "out.json"])

    def test_prints_neither_a_bar_nor_colour_into_a_pipe(self):
        done = convoy("replay", self.input, "--strategy", "single")
        self.assertEqual(done.stderr, b"")
        self.assertNotIn(b"\x1b", done.stdout)

    def test_refuses_to_lose_its_output(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([PROGRAM, "replay", self.input, "--strategy", "single"], stdout=full,
                                  stderr=subprocess.PIPE, timeout=120)
        self.assertEqual(done.returncode, 2)
        self.assertTrue(done.stderr.startswith(b"convoy: "))

    def test_ends_with_130_when_interrupted_and_leaves_the_json_alone(self):
        path = self.directory / "out.json"
        path.write_text("old")
        running = subprocess.Popen([PROGRAM, "replay", self.input, "--service", "fixed:1s", "--json", str(path)],
                                   stdout=subprocess.PIPE)
        time.sleep(0.5)
        running.send_signal(signal.SIGINT)
        output, _ = running.communicate(timeout=60)
        self.assertEqual(running.returncode, 130)
        self.assertEqual(output, b"")
        self.assertEqual(path.read_text(), "old")
        self.assertEqual(sorted(os.listdir(self.directory)), ["input.csv", "out.json"])

    def test_helps_and_tells_its_version(self):
        done = convoy("replay", "--help")
        self.assertEqual(done.returncode, 0)
        for word in [b"--strategy", b"--service-kind", b"Examples:", b"Exit status"]:
            self.assertIn(word, done.stdout)
        done = convoy("--version")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout.decode(), r"^convoy \d+\.\d+\.\d+\n$")

    # -- refusals

    def test_refuses_bad_options(self):
        for arguments, says in [
            (["--no-such-option"], "--no-such-option"),
            (["--strategy", "lanes,fast"], "fast"),
            (["--strategy", ""], "strategy"),
            (["--workers", "0"], "--workers"),
            (["--workers", "many"], "--workers"),
            (["--workers", "-1"], "--workers"),
            (["--producers", "0"], "--producers"),
            (["--capacity", "0"], "--capacity"),
            (["--speed", "0"], "--speed"),
            (["--speed", "-1"], "--speed"),
            (["--speed", "nan"], "--speed"),
            (["--speed", "1", "--closed"], "--closed"),
            (["--service", "slow"], "slow"),
            (["--service", "fixed:-1us"], "-1us"),
            (["--service-kind", "nap"], "nap"),
            (["--format", "xml"], "xml"),
            (["--zipf", "10:1:10"], "zipf"),  # and a file
            (["--hot", "0.5"], "--hot"),  # and no generator
            (["--seed", "x"], "--seed"),
        ]:
            with self.subTest(arguments):
                self.assert_refused(self.input, *arguments, says=says)
        self.assert_refused("--zipf", "10:1", says="10:1")

    def test_refuses_a_command_that_does_not_exist(self):
        for arguments in ([], ["play"]):
            done = convoy(*arguments)
            self.assertEqual(done.returncode, 2)
            self.assertEqual(done.stderr.count(b"\n"), 1)

    def test_refuses_bad_input_and_says_where(self):
        for name, text, says in [
            ("empty.csv", "", "empty.csv"),
            ("header_only.csv", "key\n", "header_only.csv"),
            ("no_key.csv", "timestamp_us,name\n1,a\n", "no_key.csv:1"),
            ("short.csv", "timestamp_us,key\n1,a\n2\n", "short.csv:3"),
            ("negative.csv", "timestamp_us,key\n-1,a\n", "negative.csv:2"),
            ("truncated.gz", gzip.compress(INPUT.encode())[:-20], "truncated.gz"),
        ]:
            with self.subTest(name):
                self.assert_refused(self.write(name, text), says=says)
        self.assert_refused(str(self.directory / "missing.csv"), says="missing.csv")
        self.assert_refused(self.input, "--time-column", "when", says="when")
        self.assert_refused("-", stdin=b"", says="standard input")

    def test_refuses_a_speed_or_a_service_the_trace_does_not_have(self):
        bare = self.write("bare.csv", "key\na\nb\n")
        self.assert_refused(bare, "--speed", "1", says="bare.csv")
        self.assert_refused(bare, "--service", "trace", says="service")

    def test_refuses_a_json_file_that_it_cannot_write(self):
        path = str(self.directory / "missing" / "out.json")
        done = convoy("replay", self.input, "--strategy", "single", "--json", path)
        self.assertEqual(done.returncode, 2)
        self.assertIn("missing/out.json", done.stderr.decode())
        self.assertEqual(done.stderr.count(b"\n"), 1)


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=1)
