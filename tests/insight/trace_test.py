#!/usr/bin/env python3
"""What write_trace() writes: `trace_test.py SAMPLES`, the program that writes it."""

import json
import shutil
import subprocess
import unittest

import perfetto
from samples import SamplesTest, shown

REASONS = ["retry", "parked", "paused", "lingering", "fail_rest"]


class TraceTest(SamplesTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.path = cls.directory / "trace.pftrace"
        cls.trace = perfetto.read(cls.path)  # which checks that slices nest and that flows have two ends
        cls.recordings = json.loads((cls.directory / "trace.json").read_text())

    def tracks(self, which, kind):
        """uuids of a recording's tracks for which kind(track) holds."""
        children = self.trace.children(self.trace.processes()[which])
        return [uuid for uuid, t in children.items() if kind(t)]

    def slices_on(self, tracks):
        return [s for s in self.trace.slices if s.track in set(tracks)]

    def test_has_a_process_for_each_recording_and_a_thread_for_each_worker(self):
        self.assertEqual(len(self.trace.processes()), len(self.recordings))
        for which in (0, 1, 3):
            threads = self.tracks(which, lambda t: t.thread is not None)
            self.assertEqual([self.trace.tracks[t].thread for t in threads],
                             [f"worker {i}" for i in range(self.recordings[which]["workers"])])
        self.assertEqual(self.trace.tracks[self.trace.processes()[0]].process, "orders")
        self.assertEqual(self.trace.tracks[self.trace.processes()[3]].process, "processor")

    def test_has_each_slice_once_where_and_when_it_was(self):
        recording = self.recordings[0]
        threads = self.tracks(0, lambda t: t.thread is not None)
        is_ = sorted((threads.index(s.track), s.begin - recording["begin"], s.end - recording["begin"], s.name,
                      s.annotations["messages"], s.annotations.get("attempt", 1), s.annotations.get("failed", False))
                     for s in self.slices_on(threads))
        wanted = sorted((s["worker"], s["begun"], s["ended"], shown(recording["labels"][s["label"]], 200),
                         s["messages"], s["attempt"], s["failed"]) for s in recording["slices"])
        self.assertEqual(is_, wanted)
        self.assertEqual(len(is_), 1000)
        self.assertEqual({s.depth for s in self.slices_on(threads)}, {0})

    def test_has_an_arrow_from_each_run_that_failed_to_the_one_that_tried_again(self):
        recording = self.recordings[0]
        wanted = set()
        for label in range(len(recording["labels"])):
            runs = sorted((s for s in recording["slices"] if s["label"] == label), key=lambda s: s["begun"])
            wanted |= {(recording["begin"] + a["ended"], recording["begin"] + b["begun"], f"key {label}")
                       for a, b in zip(runs, runs[1:]) if a["failed"] and b["attempt"] > 1}
        self.assertGreater(len(wanted), 100)
        self.assertEqual({(a.end, b.begin, a.name) for a, b in self.trace.flows}, wanted)
        self.assertTrue(all(b.annotations["attempt"] > 1 and a.name == b.name for a, b in self.trace.flows))

    def test_has_each_hold_once_on_tracks_of_its_reason(self):
        for which in (0, 1):
            recording, is_ = self.recordings[which], []
            for reason in REASONS:
                tracks = self.tracks(which, lambda t, name="keys that wait: " + reason: t.name == name)
                is_ += [(s.begin - recording["begin"], s.end - recording["begin"], s.name, reason,
                         s.annotations.get("attempts", 0)) for s in self.slices_on(tracks)]
            self.assertEqual(sorted(is_), sorted(
                (h["begin"], h["end"], shown(recording["labels"][h["label"]], 200) or "(empty)", h["reason"],
                 h["attempts"]) for h in recording["holds"]))
        overlapping = self.tracks(0, lambda t: t.name == "keys that wait: retry")
        self.assertGreater(len(overlapping), 1)

    def test_has_counters_that_change_when_the_levels_do(self):
        recording = self.recordings[0]
        for name, field in (("backlog", "backlog"), ("keys that run", "running"),
                            ("keys that wait for a worker", "waiting")):
            track, = self.tracks(0, lambda t, name=name: t.is_counter and t.name == name)
            values = dict(self.trace.counters[track])
            is_ = None
            for level in recording["levels"]:
                is_ = values.get(recording["begin"] + level["at"], is_)
                self.assertEqual(is_, level[field])

    def test_harms_nobody_by_labels(self):
        recording = self.recordings[1]
        names = [s.name for s in self.slices_on(self.tracks(1, lambda t: t.thread is not None))]
        self.assertEqual(names, [shown(label, 200) or "(empty)" for label in recording["labels"]])
        self.assertTrue(all(len(name) <= 200 for name in names))
        name = self.trace.tracks[self.trace.processes()[1]].process
        self.assertEqual(name, shown(recording["name"], 200))
        self.assertLess(self.path.stat().st_size, 300_000)  # two texts of 1 MiB are not in it

    def test_tells_what_is_not_in_it(self):
        told = {self.trace.processes().index(track): a
                for track, name, _, a in self.trace.instants if name == "recording"}
        self.assertEqual(told[0], {"workers": 4, "joined_ns": 1000})
        self.assertEqual(told[1], {"workers": 1, "dropped": 42})
        self.assertEqual(told[2], {"workers": 2, "not_shown": 100})

    def test_survives_a_recording_that_is_wrong(self):
        slices = self.slices_on(self.tracks(2, lambda t: t.name.startswith("worker")))
        self.assertEqual(len(slices), len(self.recordings[2]["slices"]))
        self.assertEqual({s.depth for s in slices}, {0})  # what overlaps has a track of its own
        self.assertIn("?", [s.name for s in slices])
        self.assertEqual(len(self.slices_on(self.tracks(2, lambda t: t.name == "keys that wait: parked"))), 1000)

    @unittest.skipUnless(shutil.which("protoc"), "no protoc")
    def test_is_read_by_protoc(self):
        with open(self.path, "rb") as file:
            done = subprocess.run(["protoc", "--decode_raw"], stdin=file, capture_output=True, timeout=120)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(sum(line == b"1 {" for line in done.stdout.splitlines()), self.trace.packets)


unittest.main(verbosity=1)
