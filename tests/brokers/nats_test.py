#!/usr/bin/env python3
"""A reader of a stream, and the server, are killed: nothing is lost, a key's records stay in order, and what is handled twice
is no more than what was finished since the last commit. And the worked example: nats_test.py [EXAMPLE]."""

import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import admin
import checker
import servers

RECORDS = 20_000
WORKERS = 4
WORK_US = 300
COMMIT_S = 0.1
EXAMPLE = None
PATIENCE = 120  # seconds: only a test that fails waits so long


def wait(is_true):
    until = time.monotonic() + PATIENCE
    while not is_true():
        assert time.monotonic() < until, "it does not come to that"
        time.sleep(0.05)


class Kills(unittest.TestCase):
    def setUp(self):
        self.nats = self.enterContext(servers.Nats())
        self.nats.create_stream("orders", "orders", "orders.>")
        directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.produced, self.handled = directory / "produced", directory / "handled"
        self.nats.publish("orders", "orders", RECORDS, output=self.produced, nulls=5, hot=10)
        self.instances = 0

    def worker(self):
        self.instances += 1
        return subprocess.Popen(
            [admin.program("convoy_nats_worker"), "--url", self.nats.url, "--stream", "orders", "--name", "billing",
             "--token", "2", "--log", self.handled, "--workers", str(WORKERS), "--work-us", str(WORK_US),
             "--commit", str(COMMIT_S), "--instance", f"i{self.instances}"], stdout=subprocess.PIPE)

    def count(self):
        if not self.handled.exists():
            return 0
        return sum(not line.split(b"\t")[4].startswith(b"-") for line in self.handled.read_bytes().splitlines() if line.count(b"\t") == 5)

    def distinct(self):
        return len({line.split(b"\t")[2] for line in self.handled.read_bytes().splitlines()
                    if line.count(b"\t") == 5 and line.split(b"\t")[4] != b"-"})

    def finish(self, worker, most_duplicates):
        wait(lambda: self.distinct() == RECORDS)
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=PATIENCE)
        self.assertEqual(worker.returncode, 0)
        result = checker.check(checker.read_produced([self.produced]), checker.read_handled([self.handled]))
        print(result)
        self.assertTrue(checker.holds(result, most_duplicates=most_duplicates, most_replays=0), result)

    def test_the_reader_is_killed(self):
        kills = 5
        for i in range(kills):
            worker, before = self.worker(), self.count()
            wait(lambda: self.count() >= before + 1500 + 100 * i)
            worker.kill()
            worker.communicate()
        # Since the last commit: as much as the workers can do meanwhile, and as long again for the commit itself.
        self.finish(self.worker(), kills * int(2 * COMMIT_S * WORKERS / (WORK_US * 1e-6)))

    def test_the_server_is_killed(self):
        worker = self.worker()
        for i in range(3):
            wait(lambda: self.count() >= 4000 * (i + 1))
            self.nats.kill()
            time.sleep(0.3)
            self.nats.start()
        self.finish(worker, 0)

    def test_a_second_reader_takes_over(self):
        first = self.worker()
        wait(lambda: self.count() >= 3000)
        second = self.worker()
        self.assertEqual(first.wait(PATIENCE), 1)
        first.stdout.close()
        self.finish_after_takeover(second)

    def finish_after_takeover(self, worker):
        wait(lambda: self.distinct() == RECORDS)
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=PATIENCE)
        self.assertEqual(worker.returncode, 0)
        result = checker.check(checker.read_produced([self.produced]), checker.read_handled([self.handled]))
        self.assertEqual((result["lost"], result["wrong"], result["overlaps"]), (0, 0, 0), result)


class Example(unittest.TestCase):
    def test_it_runs(self):
        if EXAMPLE is None:
            self.skipTest("no example was given")
        with servers.Nats() as nats:
            missing = subprocess.run([EXAMPLE, nats.url], capture_output=True, text=True, timeout=PATIENCE)
            self.assertEqual(missing.returncode, 1)
            self.assertIn('there is no stream "orders"', missing.stderr)
            nats.create_stream("orders", "orders.>")
            nats.create_stream("dead", "dead.>")
            nats.publish("orders", "orders", 60, keys=3)  # k0, k1, k2; values 0 to 59
            running = subprocess.Popen([EXAMPLE, nats.url], stdout=subprocess.PIPE, text=True)
            wait(lambda: b":61:" in nats.keys("convoy_positions").get("billing", (0, b""))[1] if nats.buckets() else False)
            running.send_signal(signal.SIGTERM)
            said, _ = running.communicate(timeout=PATIENCE)
            self.assertEqual(running.returncode, 0)
            self.assertIn("60 orders billed", said)
            self.assertIn("0 dead letters; 0 given back", said)


if __name__ == "__main__":
    if len(sys.argv) > 1 and "/" in sys.argv[1]:
        EXAMPLE = sys.argv.pop(1)
    unittest.main()
