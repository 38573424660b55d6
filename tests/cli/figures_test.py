#!/usr/bin/env python3
"""The figures of `convoy replay`: the fields of its JSON, and that they say what happened."""

import gzip
import json

from program import INPUT, STRATEGIES, ProgramTest, convoy, main


class FiguresTest(ProgramTest):
    def test_reports_every_strategy_with_every_field(self):
        result = self.replay(self.input, "--workers", "4")
        self.assertEqual(set(result["trace"]), {"messages", "keys", "hottest", "speedup_bound", "moved", "bytes"})
        self.assertEqual((result["trace"]["messages"], result["trace"]["keys"]), (400, 6))
        hottest = result["trace"]["hottest"][0]
        self.assertEqual(set(hottest), {"key", "share", "work_share", "bytes_share"})
        self.assertEqual(result["trace"]["bytes"], sum(range(400)))
        self.assertAlmostEqual(hottest["bytes_share"], sum(range(1, 400, 2)) / sum(range(400)))
        self.assertEqual((hottest["key"], hottest["share"]), ("hot", 0.5))
        self.assertEqual([run["strategy"] for run in result["runs"]], STRATEGIES)
        for run in result["runs"]:
            self.assertEqual(
                set(run),
                {"strategy", "workers", "seconds", "messages", "conflated", "throughput", "order_violations", "overlaps",
                 "lost", "repeated", "bound_seconds", "bound_workers", "efficiency", "measured_bound_seconds",
                 "measured_efficiency", "overshoot_us", "overshoot_share", "convoy_share", "latency_us", "wait_share"},
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
            self.assertEqual((run["bound_seconds"], run["bound_workers"]), (result["runs"][0]["bound_seconds"], 4))
            self.assertAlmostEqual(run["efficiency"], run["bound_seconds"] / run["seconds"])
            self.assertTrue(0 < run["measured_bound_seconds"] <= run["seconds"], run)
            self.assertGreater(run["overshoot_us"], 0)
            self.assertGreaterEqual(run["overshoot_share"], 0)
            self.assertAlmostEqual(run["throughput"] * run["seconds"], 400)
            self.assertEqual((run["messages"], run["lost"], run["repeated"]), (400, 0, 0))
            if run["strategy"] != "unordered":
                self.assertEqual((run["order_violations"], run["overlaps"]), (0, 0), run)
                self.assertTrue(0 < run["efficiency"] <= run["measured_efficiency"] <= 1, run)

    def test_conflates_through_lanes_alone(self):
        result = self.replay(self.input, "--workers", "4", "--conflate", "--strategy", "lanes,mutex")
        self.assertTrue(result["config"]["conflate"])
        lanes, mutex = result["runs"]
        self.assertGreater(lanes["conflated"], 0)
        self.assertEqual(mutex["conflated"], 0)
        for run in (lanes, mutex):
            self.assertEqual(run["order_violations"] + run["overlaps"] + run["lost"] + run["repeated"], 0)
        self.assertIsNone(lanes["bound_seconds"])
        table = self.table(self.input, "--conflate", "--strategy", "lanes,mutex", "--workers", "4")
        self.assertIn("conflated: not handled, as a later message of the key stood for it", table)
        self.assertLessEqual(max(map(len, table.splitlines())), 120)

    def test_runs_a_strategy_once_however_often_it_is_named(self):
        result = self.replay(self.input, "--strategy", "single,lanes,single,lanes")
        self.assertEqual([run["strategy"] for run in result["runs"]], ["single", "lanes"])

    def test_bounds_the_speedup_by_the_hot_key(self):
        result = self.replay(self.input, "--service", "fixed:10us", "--strategy", "single", "--workers", "16")
        self.assertAlmostEqual(result["trace"]["speedup_bound"], 2)

    def test_runs_each_strategy_with_each_number_of_workers(self):
        result = self.replay("--zipf", "50:0:200", "--service", "fixed:1ms", "--strategy", "lanes,single",
                             "--workers", "4,1,2,2")
        self.assertEqual(result["config"]["workers"], [1, 2, 4])
        self.assertEqual([(run["strategy"], run["workers"], run["bound_workers"]) for run in result["runs"]],
                         [("lanes", 1, 1), ("lanes", 2, 2), ("lanes", 4, 4), ("single", 1, 4)])
        bounds = [run["bound_seconds"] for run in result["runs"]]
        self.assertAlmostEqual(bounds[0], 0.2)
        self.assertAlmostEqual(bounds[1], 0.1)
        self.assertEqual(bounds[2], bounds[3])
        self.assertEqual(self.replay("--zipf", "9:0:20", "--workers", "3,3", "--strategy", "lanes")["config"]["workers"], 3)

    def test_runs_shared_messages_of_a_key_at_the_same_time(self):
        text = "key,service_us,access\n" + "".join(f"a,2000,{'exclusive' if i % 10 == 9 else 'shared'}\n" for i in range(100))
        result = self.replay(self.write("reads.csv", text), "--workers", "16", "--strategy", "lanes,mutex")
        lanes, mutex = result["runs"]
        # Ten times: nine at once, and one alone.
        self.assertAlmostEqual(lanes["bound_seconds"], 10 * 2 * 2e-3)
        self.assertAlmostEqual(result["trace"]["speedup_bound"], 100 / 20)
        self.assertLess(lanes["seconds"], mutex["seconds"])  # which takes one at a time
        for run in (lanes, mutex):
            self.assertEqual((run["order_violations"], run["overlaps"], run["lost"]), (0, 0, 0), run)
        bare = self.replay(self.write("reads.csv", text), "--workers", "16", "--strategy", "lanes", "--access-column", "")
        self.assertAlmostEqual(bare["runs"][0]["bound_seconds"], 100 * 2e-3)
        done = convoy("simulate", self.write("reads.csv", text), "--workers", "16", "--overshoot", "0", "--json", "-")
        self.assertAlmostEqual(json.loads(done.stdout)["forecasts"][0]["seconds"], 0.04)
        self.assert_refused(self.write("bad.csv", "key,access\na,shared\na,read\n"),
                            says='bad.csv:3: access "read" is neither shared nor exclusive')

    def test_runs_joint_messages_at_their_turn_in_each_key(self):
        # A chain: each transfer shares an account with the one before it. No key has more than two.
        chain = "keys,service_us\n" + "".join(f"a{i};a{i + 1},1000\n" for i in range(100)) + "b,1000\n"
        result = self.replay(self.write("chain.csv", chain), "--workers", "16")
        self.assertEqual((result["trace"]["messages"], result["trace"]["joint"], result["trace"]["keys"]), (101, 100, 102))
        self.assertAlmostEqual(result["trace"]["speedup_bound"], 1.01)
        self.assertEqual([run["strategy"] for run in result["runs"]], ["lanes", "single", "unordered", "mutex"])
        self.assertIn("shards is left out, as it can't handle", result["warnings"][0])
        for run in result["runs"]:
            self.assertAlmostEqual(run["bound_seconds"], 0.1)
            self.assertEqual((run["lost"], run["repeated"]), (0, 0), run)
            if run["strategy"] != "unordered":
                self.assertEqual((run["order_violations"], run["overlaps"]), (0, 0), run)
                self.assertLessEqual(run["efficiency"], 1)
                self.assertGreaterEqual(run["seconds"], 0.1)
        done = convoy("simulate", self.write("chain.csv", chain), "--workers", "16", "--overshoot", "0", "--json", "-")
        self.assertAlmostEqual(json.loads(done.stdout)["forecasts"][0]["seconds"], 0.1)
        table = self.table(self.write("chain.csv", chain), "--workers", "16", "--strategy", "lanes")
        self.assertIn("101 messages, 100 of them joint, of 102 keys", table)

        lines = '{"keys":["a","b"]}\n{"keys":["c","d"]}\n{"key":"a"}\n'
        trace = self.replay(self.write("in.jsonl", lines), "--format", "jsonl", "--strategy", "lanes,mutex")["trace"]
        self.assertEqual((trace["joint"], trace["keys"]), (2, 4))

    def test_refuses_what_does_not_go_with_joint_messages(self):
        path = self.write("in.csv", "keys\na;b\nb;c\na\n")
        for options, says in [(["--conflate"], "--conflate: not with"), (["--fail", "0.1"], "--fail and --stick: not with"),
                              (["--producers", "2"], "--producers: with"), (["--strategy", "lanes,shards"], "shards can't"),
                              (["--capacity", "1"], "--capacity 1: a message has 2 keys")]:
            self.assert_refused(path, *options, says=says)
        self.assert_refused(self.write("in.csv", "keys,access\na;b,\na,shared\n"), says="in.csv:3: shared messages and such")
        self.assert_refused(self.write("in.csv", "keys\na\n" + ";".join(map(str, range(17))) + "\n"),
                            says="in.csv:3: there are more than 16 keys")

    def test_counts_no_more_spinning_workers_than_cores(self):
        result = self.replay(self.input, "--service-kind", "spin", "--strategy", "mutex", "--workers", "1024",
                             "--service", "fixed:1us")
        self.assertEqual(result["runs"][0]["bound_workers"], min(1024, result["config"]["cores"]))

    def test_a_sleeping_single_consumer_takes_longer_than_lanes(self):
        runs = self.replay("--zipf", "50:0:400", "--service", "fixed:4ms", "--strategy", "lanes,single")["runs"]
        self.assertGreater(runs[1]["seconds"], 3 * runs[0]["seconds"])
        self.assertGreaterEqual(runs[1]["seconds"], 1.6)

    def test_an_open_load_lasts_as_long_as_the_trace_at_its_speed(self):
        run = self.replay(self.input, "--speed", "0.5", "--strategy", "lanes")["runs"][0]
        self.assertGreaterEqual(run["seconds"], 399 * 100e-6 / 0.5)

    def test_a_generated_load_arrives_at_its_rate_times_the_speed(self):
        generated = ["--zipf", "10:0:1000", "--rate", "1000", "--service", "fixed:0", "--strategy", "lanes"]
        result = self.replay(*generated)
        self.assertEqual((result["config"]["closed"], result["config"]["speed"]), (False, 1))
        self.assertIn("--speed 1", result["config"]["defaults"])
        self.assertGreater(result["runs"][0]["seconds"], 0.8)
        self.assertLess(self.replay(*generated, "--speed", "10")["runs"][0]["seconds"], 0.8)

    def test_says_how_many_messages_it_moved_to_their_time(self):
        result = self.replay("-", "--strategy", "single", stdin=b"timestamp_us,key\n5,a\n9,b\n7,c\n")
        self.assertEqual(result["trace"]["moved"], 1)
        self.assertNotIn("bytes", result["trace"])

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

    def test_reads_numbers_in_decimal_and_to_the_last_digit(self):
        config = self.replay(self.input, "--strategy", "single", "--workers", "010", "--seed", str(2**64 - 1))["config"]
        self.assertEqual((config["workers"], config["seed"]), (10, 2**64 - 1))

    def test_tells_the_options_as_they_were_given(self):
        options = ["--zipf", "10:0.123456789:100", "--rate", "1234567.5", "--speed", "1.23456789", "--strategy", "single",
                   "--service", "fixed:0"]
        config = self.replay(*options)["config"]
        self.assertEqual(config["source"], "zipf 10:0.123456789:100, 1234567.5 messages/s, seed 1")
        self.assertIn("at 1.23456789 times the pace", self.table(*options))

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
        self.assertEqual((run["bound_seconds"], run["efficiency"], run["wait_share"]["service"]), (None, None, 0))

    def test_a_trace_of_one_key_has_no_cold_latency(self):
        result = self.replay("-", "--strategy", "single", stdin=b"key\na\na\n")
        self.assertIsNone(result["runs"][0]["latency_us"]["cold"]["p99"])


if __name__ == "__main__":
    main()
