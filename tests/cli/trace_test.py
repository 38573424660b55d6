#!/usr/bin/env python3
"""`convoy replay --trace FILE`: what the trace holds, read by the reader of tests/insight."""

import json
import os
import pathlib
import resource
import sys
import unittest

from program import INPUT, SANITIZED, ProgramTest, convoy, main

sys.path.append(str(pathlib.Path(__file__).parent.parent / "insight"))
import perfetto  # noqa: E402


class TraceTest(ProgramTest):
    def traced(self, *arguments):
        """The trace and the JSON of a replay that must succeed and say nothing on stderr."""
        path = self.directory / "trace.pftrace"
        done = convoy("replay", "--trace", str(path), "--json", "-", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return perfetto.read(path), json.loads(done.stdout)  # slices nest and flows have two ends

    def runs(self, trace):
        """Of each process: its name, the tracks of its workers, the slices on them."""
        for process in trace.processes():
            children = trace.children(process)
            workers = [uuid for uuid, t in children.items() if t.thread is not None]
            yield trace.tracks[process].process, workers, [s for s in trace.slices if s.track in workers], children

    def counter(self, trace, children, name):
        track, = [uuid for uuid, t in children.items() if t.is_counter and t.name == name]
        return [value for _, value in trace.counters[track]]

    def test_has_a_process_for_each_strategy_with_every_message(self):
        trace, figures = self.traced(self.input, "--workers", "4")
        runs = list(self.runs(trace))
        self.assertEqual([name for name, *_ in runs],
                         ["lanes, 4 workers", "single, 1 worker", "unordered, 4 workers", "shards, 4 workers",
                          "mutex, 4 workers"])
        keys = {line.split(",")[1] for line in INPUT.splitlines()[1:]}
        for (name, workers, slices, children), run in zip(runs, figures["runs"]):
            with self.subTest(name):
                self.assertEqual(len(workers), 1 if name.startswith("single") else 4)
                self.assertEqual(sum(s.annotations["messages"] for s in slices), 400)
                self.assertEqual({s.name for s in slices}, keys)
                hot = [s for s in slices if s.name == "hot"]
                self.assertEqual(sum(s.annotations["messages"] for s in hot), 200)
                for s in slices:  # messages take 20 to 22 us
                    self.assertGreaterEqual(s.end - s.begin, 20_000 * s.annotations["messages"])
                if not name.startswith("unordered"):
                    hot.sort(key=lambda s: s.begin)
                    self.assertTrue(all(a.end <= b.begin for a, b in zip(hot, hot[1:])))
                self.assertAlmostEqual(max(s.end for s in slices) / 1e9, run["seconds"], delta=1e-3)
                self.assertEqual(self.counter(trace, children, "backlog")[-1], 0)
                self.assertGreater(max(self.counter(trace, children, "backlog")), 0)
                self.assertEqual(self.counter(trace, children, "keys that run")[-1], 0)

    def test_joins_the_messages_of_a_key_only_where_it_says_so(self):
        trace, _ = self.traced("--zipf", "1:0:20000", "--service", "fixed:0", "--strategy", "single")
        told, = [a for _, name, _, a in trace.instants if name == "recording"]
        slices = next(self.runs(trace))[2]
        if not SANITIZED:  # between two handlers of such a program lies more than a microsecond
            self.assertLess(len(slices), 20_000)
        self.assertEqual(sum(s.annotations["messages"] for s in slices), 20_000)
        self.assertEqual(told["joined_ns"], 1000)
        slices.sort(key=lambda s: s.begin)
        for a, b in zip(slices, slices[1:]):
            self.assertGreater(b.begin - a.end, 1000)

    def test_shows_retries_and_what_is_parked(self):
        trace, figures = self.traced("--zipf", "50:0.5:1000", "--rate", "20000", "--fail", "2%", "--policy",
                                     "attempts=3,backoff=1ms,jitter=off,then=park")
        (_, _, clean, _), (name, _, slices, children) = self.runs(trace)
        self.assertEqual([s for s in clean if "failed" in s.annotations], [])
        self.assertEqual(name, "lanes, 16 workers")
        failed = [s for s in slices if s.annotations.get("failed")]
        self.assertEqual(len(failed) % 3, 0)
        self.assertGreater(len(failed), 0)
        self.assertEqual(len(trace.flows), len(failed) * 2 // 3)  # from the first to the second to the third
        for before, after in trace.flows:
            self.assertEqual(before.name, after.name)
            self.assertEqual(after.annotations["attempt"], before.annotations.get("attempt", 1) + 1)
            self.assertGreaterEqual(after.begin - before.end, 900_000)
        holds = {reason: [s for s in trace.slices if trace.tracks[s.track].name == "keys that wait: " + reason]
                 for reason in ("retry", "parked")}
        self.assertEqual(len(holds["retry"]), len(trace.flows))
        self.assertEqual(len(holds["parked"]), len(failed) // 3)
        self.assertEqual({s.annotations["attempts"] for s in holds["parked"]}, {3})

    def test_harms_nobody_by_keys(self):
        keys = [b"quo\"\"te", b"back\\slash", b"\x1b[31mred", b"<script>", b"bad \xff", b"x" * 1_000_000]
        path = self.write("hostile.csv", b"key\n" + b"".join(b'"' + key + b'"\n' for key in keys))
        trace, _ = self.traced(path, "--strategy", "lanes")
        names = {s.name for s in next(self.runs(trace))[2]}
        self.assertEqual(names, {'quo"te', "back\\slash", "\ufffd[31mred", "<script>", "bad \ufffd", "x" * 199 + "…"})

    @unittest.skipIf(SANITIZED, "many messages")
    def test_has_the_first_million_slices_and_says_so(self):
        path = self.directory / "trace.pftrace"
        done = convoy("replay", "--zipf", "1000000:0:300000", "--service", "fixed:0", "--service-kind", "spin",
                      "--trace", str(path), "--workers", "1,2,3,4", "--strategy", "lanes")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr.count(b"there was room for the first 250,000 slices"), 4, done.stderr)
        trace = path.read_bytes()
        self.assertLess(len(trace), 80_000_000)

    def test_refuses_a_file_that_it_could_not_write_before_it_runs(self):
        path = self.directory / "trace.pftrace"
        slow = ["--zipf", "1:0:9", "--service", "fixed:1000s"]
        self.assert_refused(*slow, "--trace", str(self.directory / "none" / "x"), says="No such file or directory")
        self.assert_refused(*slow, "--trace", str(self.directory), says="Is a directory")
        self.assert_refused(*slow, "--trace", "", says="--trace: the name of the file is empty")
        self.assert_refused(*slow, "--trace", "-", says="--trace: it goes to a file")
        self.assert_refused(*slow, "--trace", str(path), "--json", str(path), says="is where the output of --json goes")
        self.assert_refused(self.input, "--service", "fixed:1000s", "--trace", self.input, says="is an input file")
        self.assertEqual(sorted(os.listdir(self.directory)), ["input.csv"])
        with open(self.input, encoding="utf-8") as file:
            self.assertEqual(file.read(), INPUT)

    def test_leaves_no_half_of_a_trace_and_tells_the_rest(self):
        def little_room():
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

        path = self.directory / "trace.pftrace"
        done = convoy("replay", self.input, "--strategy", "single", "--trace", str(path), preexec_fn=little_room)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"File too large", done.stderr)
        self.assertIn(b"single", done.stdout)
        self.assertFalse(path.exists())


if __name__ == "__main__":
    main()
