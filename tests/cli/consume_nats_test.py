#!/usr/bin/env python3
"""`convoy consume nats://…` on a real nats-server: keys in order, statuses, dead letters, ends. What commands are given and what
becomes of them is the same for all brokers: consume_test.py."""

import collections
import json
import os
import signal
import subprocess
import time
import unittest

import nats_server
from program import PATIENCE, PROGRAM, ProgramTest, convoy, main

NATS = os.environ.get("CONVOY_BUILD_NATS", "1") == "1"  # the program's


@unittest.skipUnless(NATS, "the program is built without")
@unittest.skipIf(nats_server.why_not(), nats_server.why_not())
class ConsumeNatsTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.nats = nats_server.NatsServer()
        self.addCleanup(self.nats.close)
        self.nats.create("orders", ["orders.>"])

    def words(self, command, *options, group="g", stream="orders"):
        return ["consume", f"nats://{self.nats.address}/{stream}", "--group", group, "--exec", command, *options]

    def consume(self, command, *options, status=0, **more):
        """To the end; what it tells."""
        told = self.directory / "told.json"
        told.unlink(missing_ok=True)
        done = convoy(*self.words(command, "--until-end", "--quiet", "--json", str(told), *options, **more), cwd=self.directory)
        self.assertEqual(done.returncode, status, done.stderr)
        self.error, self.out = done.stderr.decode(), done.stdout.decode()
        return json.loads(told.read_text()) if told.exists() else None

    def lines(self):
        path = self.directory / "log"
        return path.read_text().splitlines() if path.exists() else []

    def test_each_key_in_order_and_again_from_where_it_ended(self):
        self.nats.publish((f"orders.k{i % 5}.new", b"%d" % i, {b"Trace": b"t%d" % i}) for i in range(40))
        command = 'echo "$CONVOY_KEY $CONVOY_SUBJECT $CONVOY_TOPIC $CONVOY_OFFSET $(cat) $CONVOY_HEADER_TRACE" >> log'
        told = self.consume(command, "--key-token", "2", "--workers", "4")
        self.assertEqual(told["account"], {"read": 40, "handled": 40, "dead_letters": 0, "given_back": 0, "passed_over": 0})
        self.assertEqual(told["positions"], [{"name": "orders", "committed": 41, "lag": 0}])
        of_key = collections.defaultdict(list)
        for line in self.lines():
            key, subject, topic, offset, value, trace = line.split()
            self.assertEqual((subject, topic, offset, trace), (f"orders.{key}.new", "orders", str(int(value) + 1), "t" + value))
            of_key[key].append(int(value))
        self.assertEqual(of_key, {f"k{k}": list(range(k, 40, 5)) for k in range(5)})
        self.assertEqual(self.consume(command, "--key-token", "2")["account"]["read"], 0)
        self.nats.publish([("orders.k0.new", b"40")])
        self.nats.publish([("orders.k0.new", b"41")])
        self.nats.delete("orders", 42)  # the last sequence has no message
        self.assertEqual(self.consume(command, "--key-token", "2")["account"]["handled"], 1)
        self.assertEqual(self.consume("true", group="by-header", *("--key-header", "Trace"))["account"]["handled"], 41)

    def test_dead_letters(self):
        self.nats.create("dead", ["dead"])
        self.nats.publish([("orders.a", b"bad"), ("orders.a", b"good"), ("orders.b", b"good")])
        command = '[ "$(cat)" = good ] || exit 3'
        told = self.consume(command, "--attempts", "2", "--backoff", "5ms", status=1)
        self.assertIn("orders sequence 1: exit status 3; a record that has failed for good has nowhere to go without "
                      "--dead-letter-subject", self.error)
        self.assertEqual(told["account"]["dead_letters"], 0)
        told = self.consume(command, "--attempts", "2", "--backoff", "5ms", "--dead-letter-subject", "dead")
        self.assertEqual((told["account"]["dead_letters"], told["positions"][0]["committed"]), (1, 4))
        self.assertEqual(self.nats.state("dead")["messages"], 1)

    def test_a_signal_gives_back_what_has_not_begun(self):
        self.nats.publish(("orders.a", b"%d" % i) for i in range(50))
        command = "cat >> log; echo >> log; sleep 0.05"
        running = subprocess.Popen([PROGRAM, *self.words(command)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   cwd=self.directory)
        self.addCleanup(running.stderr.close)
        self.addCleanup(running.kill)
        while len(self.lines()) < 3:
            self.assertIsNone(running.poll())
        running.send_signal(signal.SIGTERM)
        self.assertEqual(running.wait(PATIENCE), 0)
        self.assertIn(b"ended by SIGTERM", running.stderr.read())
        self.assertLess(len(self.lines()), 50)
        self.consume(command)
        self.assertEqual(self.lines(), [str(i) for i in range(50)])

    def test_the_lag_in_the_end_counts_what_has_come_since(self):
        self.nats.publish([("orders.a", b"0"), ("orders.a", b"1")])
        told = self.directory / "end.json"
        running = subprocess.Popen([PROGRAM, *self.words("echo >> log; while [ ! -e go ]; do sleep 0.02; done", "--in-flight", "1", "--json", str(told))],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=self.directory)
        self.addCleanup(running.stderr.close)
        self.addCleanup(running.kill)
        while not self.lines():
            self.assertIsNone(running.poll())
        self.nats.publish(("orders.a", b"%d" % i) for i in range(10))
        self.nats.delete("orders", 12)
        running.send_signal(signal.SIGTERM)
        time.sleep(1)  # it has seen the signal, and hands out nothing more
        (self.directory / "go").touch()
        self.assertEqual(running.wait(PATIENCE), 0)
        self.assertIn(b"goes on at", running.stderr.read())
        self.assertEqual(json.loads(told.read_text())["positions"], [{"name": "orders", "committed": 2, "lag": 10}])

    def test_a_token_that_subjects_do_not_have(self):
        self.nats.publish([("orders.a.new", b"0"), ("orders.b.new", b"1")])
        told = self.consume("true", "--key-token", "9")
        self.assertEqual(told["account"]["handled"], 2)
        self.assertEqual(self.error, 'convoy: orders sequence 1: its subject "orders.a.new" has 3 tokens, and --key-token says '
                                     "9: such records have no key, and are handled one after the other\n")

    def test_what_is_wrong_is_said_in_a_line(self):
        self.nats.create("queue", ["queue"], retention="workqueue")
        self.nats.publish([("orders.a", b"v")])  # or the end is there before it begins
        for options, says in [
            ({"stream": "nope"}, 'there is no stream "nope"'),
            ({"stream": "queue"}, "is a work queue"),
            ({"group": "a b"}, "--group must be of letters"),
            (("--key-token", "1", "--key-header", "x"), "leave one of them out"),
            (("--broker-setting", "x=1"), '"x"'),
            (("--broker-setting", "domain=d"), "domain"),
            (("--dead-letter-subject", "nowhere"), 'no stream'),
        ]:
            with self.subTest(options):
                how, more = (options, {}) if isinstance(options, tuple) else ((), options)
                done = convoy(*self.words("true", "--until-end", *how, **more), cwd=self.directory)
                error = done.stderr.decode()
                self.assertEqual((done.returncode, error.count("\n")), (2, 1), error)
                self.assertIn(says, error)
        done = convoy("consume", "kafka://127.0.0.1:1/t", "--group", "g", "--exec", "true", "--key-token", "1")
        self.assertIn(b"are for NATS", done.stderr)


@unittest.skipIf(NATS, "the program is built with it")
class WithoutNatsTest(ProgramTest):
    def test_it_says_so(self):
        done = convoy("consume", "nats://127.0.0.1:1/s", "--group", "g", "--exec", "true")
        self.assertIn(b"without NATS; build it with CONVOY_BUILD_NATS=ON", done.stderr)


if __name__ == "__main__":
    main()
