#!/usr/bin/env python3
"""What report.py computes from results made by hand, where every ratio is known."""

import copy
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))

import report  # noqa: E402
import targets  # noqa: E402


def iteration(name, repetition, speed, **more):
    return {"name": name + "/manual_time", "run_name": name + "/manual_time", "run_type": "iteration",
            "repetition_index": repetition, "real_time": 2.0, "time_unit": "us", "items_per_second": speed, **more}


def bench(speeds):
    """Google Benchmark's JSON for {name: [messages per second of each repetition]}."""
    runs = [iteration(name, i, s) for name, values in speeds.items() for i, s in enumerate(values)]
    aggregate = {**iteration("streamed/convoy/one_key", 0, 1.0), "run_type": "aggregate", "aggregate_name": "median"}
    return {"context": {}, "benchmarks": [*runs, aggregate]}


def effect(**fields):
    run = {"part": "closed", "workers": 2, "theta": 0, "service": "exp", "load": 1, "fault": "none", "cold_work": None,
           "repetition": 0, "strategy": "lanes", "mean_us": 1000, "efficiency": 0.99, "isolation": None,
           "latency_us": {"cold": {"p99": 1000.0}}}
    return {**run, **fields}


def judged(speeds=None, runs=None):
    results = report.read_bench(bench(speeds or {}))
    return {r["figure"]: r for r in targets.judge(results, report.Throughputs(results), {"runs": runs or []})}


SPEEDS = {
    "streamed/convoy/one_key": [50.0, 60.0, 70.0],
    "streamed/convoy/uniform_1000": [30.0, 30.0, 30.0],
    "streamed/mutex_lanes/one_key": [10.0, 10.0, 100.0],
    "streamed/mutex_lanes/uniform_1000": [10.0, 5.0, 20.0],
    "streamed/static_shards_blocking/one_key": [20.0],
    "streamed/static_shards_spinning/one_key": [40.0],
    "streamed/convoy/one_key/producers:8": [30.0],
    "streamed/convoy/one_key/producers:64": [54.0],
}


class ReportTest(unittest.TestCase):
    def test_takes_medians_of_iterations_and_no_aggregates(self):
        throughputs = report.Throughputs(report.read_bench(bench(SPEEDS)))
        self.assertEqual(throughputs.median("streamed", "one_key", "convoy"), 60)
        self.assertEqual(throughputs.ratio("streamed", "one_key", "convoy", "mutex_lanes"), 6)
        self.assertIsNone(throughputs.ratio("streamed", "one_key", "convoy", "asio_strand"))

    def test_spreads_are_half_of_the_interquartile_range(self):
        self.assertAlmostEqual(report.spread([50.0, 60.0, 70.0]), 5 / 60)
        self.assertEqual(report.spread([50.0]), 0)

    def test_judges_against_the_fastest_peer(self):
        row = judged(SPEEDS)["streamed/one_key: convoy over the fastest of mutex_lanes, mutex_lanes_deque"]
        self.assertEqual((row["reached"], row["met"], row["note"]), ("6.00 x", True, "mutex_lanes"))
        slow = judged({**SPEEDS, "streamed/mutex_lanes_deque/one_key": [30.0]})
        row = slow["streamed/one_key: convoy over the fastest of mutex_lanes, mutex_lanes_deque"]
        self.assertEqual((row["reached"], row["met"], row["note"]), ("2.00 x", False, "mutex_lanes_deque"))

    def test_is_content_with_most_of_a_bare_ticket(self):
        def met(floor):
            rows = judged({**SPEEDS, "streamed/ticket_floor/uniform_1000": [floor]})
            return next(r["met"] for name, r in rows.items() if name.startswith("streamed/uniform_1000: convoy over"))
        self.assertTrue(met(40.0))  # 30 is three quarters
        self.assertFalse(met(41.0))

    def test_compares_the_most_producers_with_one(self):
        row = judged(SPEEDS)["one hot key, 64 producers over 1"]
        self.assertEqual((row["reached"], row["met"]), ("0.90", True))

    def test_what_was_not_measured_is_neither_met_nor_missed(self):
        rows = judged()
        self.assertGreater(len(rows), 15)
        self.assertTrue(all(r["met"] is None and r["reached"] == "-" for r in rows.values()), rows)

    def test_judges_the_lowest_efficiency_of_lanes_over_medians_of_repetitions(self):
        runs = [effect(repetition=i, efficiency=e) for i, e in enumerate((0.5, 0.98, 0.99))]
        runs += [effect(workers=16, efficiency=0.975), effect(strategy="shards", efficiency=0.1)]
        row = judged(runs=runs)["efficiency of lanes, sleeping workers"]
        self.assertEqual((row["reached"], row["met"]), ("0.975", True))

    def test_judges_isolation_and_names_what_no_pool_could_beat(self):
        at = {"part": "fault", "fault": "hot_half", "load": 0.8, "cold_work": 0.8}
        runs = [effect(**at, isolation=1.3), effect(**at, isolation=1.25, strategy="ideal")]
        row = judged(runs=runs)["isolation of lanes"]
        self.assertEqual((row["reached"], row["met"]), ("1.30", False))
        self.assertIn("1.25", row["note"])
        at["load"] = 0.5
        for ours, met in ((1.05, True), (1.15, False)):
            more = [effect(**at, isolation=ours), effect(**at, isolation=1.02, strategy="ideal")]
            row = judged(runs=runs + more)["isolation of lanes"]
            self.assertEqual((row["reached"], row["met"]), (f"{ours:.2f}", met))
            self.assertIn("1 of 2", row["note"])

    def test_judges_p99_over_ideal_in_each_cell_and_in_the_middle(self):
        def row(*ratios):
            runs = [effect(part="open", workers=2 + i, p99_over_ideal={"all": r}) for i, r in enumerate(ratios)]
            return judged(runs=runs)["p99 of lanes over ideal, exponential service"]
        self.assertEqual((row(1.0, 1.02, 1.15)["reached"], row(1.0, 1.02, 1.15)["met"]), ("1.15", True))
        self.assertFalse(row(1.0, 1.02, 1.25)["met"])
        self.assertFalse(row(1.0, 1.06, 1.15)["met"])

    def test_compares_cold_keys_beside_a_stuck_one(self):
        at = {"part": "fault", "fault": "stuck_often", "load": 0.8, "cold_work": 1.6}
        runs = [effect(**at, latency_us={"cold": {"p99": 2000.0}}),
                effect(**at, latency_us={"cold": {"p99": 1000.0}}, strategy="ideal"),
                effect(**at, latency_us={"cold": {"p99": 50000.0}}, strategy="shards")]
        row = judged(runs=runs)["stuck key, cold p99: static shards over lanes"]
        self.assertEqual((row["reached"], row["met"]), ("25.00 x", True))

    def test_judges_the_slowest_wake_up(self):
        runs = [iteration(f"wake_up/{subject}/idle:{idle}ms", 0, 0, p50_us=p50) for subject, idle, p50 in
                (("convoy", 1, 5.0), ("convoy", 20, 60.0), ("asio_strand", 1, 10.0), ("asio_strand", 20, 50.0))]
        for run in runs:
            del run["items_per_second"]
        results = report.read_bench({"benchmarks": runs})
        rows = {r["figure"]: r for r in targets.judge(results, report.Throughputs(results), None)}
        row = rows["wake-up from idle, median, over asio_strand"]
        self.assertEqual((row["reached"], row["met"]), ("1.20 x", False))
        self.assertIn("idle:20ms", row["note"])
        self.assertIn("asio_strand 10 ±0%", " ".join(report.other_tables(results).split()))

    def test_shows_workloads_in_reading_order_however_they_were_run(self):
        throughputs = report.Throughputs(report.read_bench(bench(dict(reversed(SPEEDS.items())))))
        self.assertEqual([parameters for _, parameters in throughputs.at],
                         ["one_key", "uniform_1000", "one_key/producers:8", "one_key/producers:64"])
        self.assertEqual(throughputs.subjects(),
                         ["convoy", "mutex_lanes", "static_shards_blocking", "static_shards_spinning"])

    def test_says_what_was_skipped(self):
        data = bench(SPEEDS)
        data["benchmarks"].append({"name": "streamed/caf_actor/one_key/manual_time", "run_type": "iteration",
                                   "error_occurred": True, "error_message": "package libcaf-dev not installed"})
        text, kept = report.report(data, None, {"commit": "abc"})
        self.assertIn("caf_actor: package libcaf-dev not installed", text)
        self.assertIn("skipped", kept["bench"]["results"]["streamed/caf_actor/one_key"])

    def test_prints_ratios_and_writes_json_that_reads_back(self):
        with tempfile.TemporaryDirectory() as directory:
            source, output = pathlib.Path(directory, "bench.json"), pathlib.Path(directory, "new", "out.json")
            source.write_text(json.dumps(bench(SPEEDS)))
            effects = pathlib.Path(directory, "effects.json")
            effects.write_text(json.dumps({"runs": [effect()]}))
            done = subprocess.run([sys.executable, HERE / "report.py", "--bench", source, "--effects", effects, "--output",
                                   output, "--about", "cpu=a=b"], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            line = next(l for l in done.stdout.splitlines() if l.startswith("streamed uniform_1000") and "±" not in l)
            self.assertEqual(line.split()[2:], ["3.00", "-", "-"])
            kept = json.loads(output.read_text())
            self.assertEqual((kept["cpu"], kept["effects"]["runs"]), ("a=b", [effect()]))
            self.assertEqual(kept["bench"]["results"]["streamed/convoy/one_key"]["items_per_second"], [50, 60, 70])

    def test_keeps_six_digits(self):
        self.assertEqual(report.rounded({"a": [1.23456789, 2]}), {"a": [1.23457, 2]})

    def test_does_not_change_what_it_was_given(self):
        kept = {"bench": {"results": {"a": 1}}, "effects": {"runs": [1]}}
        before = copy.deepcopy(kept)
        report.dump(kept)
        self.assertEqual(kept, before)


if __name__ == "__main__":
    unittest.main()
