#!/usr/bin/env python3
"""Topics and streams as inputs: what is replayed is what the broker holds, as of a file with the same in it, and nothing is
left behind. Kafka is librdkafka's mock, NATS a real server."""

import csv
import os
import pathlib
import signal
import subprocess
import time
import unittest

import kafka_mock
import nats_server
from program import PATIENCE, PROGRAM, ProgramTest, convoy, main

KAFKA, NATS = (os.environ.get(f"CONVOY_BUILD_{name}", "1") == "1" for name in ("KAFKA", "NATS"))  # the program's
FLIGHTS = pathlib.Path(__file__).resolve().parents[2] / "bench" / "data" / "flights.csv"
QUICK = ("--strategy", "lanes", "--service", "fixed:0")


def flights():
    with open(FLIGHTS, newline="") as file:
        return [(row["key"], ",".join(row.values())) for row in csv.DictReader(file)]


class BrokerTest(ProgramTest):
    def assert_same_keys(self, url, *options):
        """As of the file: keys, messages, shares and the bound."""
        of_broker = self.replay(url, *options, *QUICK)
        of_file = self.replay(str(FLIGHTS), *QUICK)
        self.assertEqual(of_broker["config"]["source"], url)
        for name in ("messages", "keys", "speedup_bound", "moved"):
            self.assertEqual(of_broker["trace"][name], of_file["trace"][name], name)
        for name in ("key", "share"):
            self.assertEqual([k[name] for k in of_broker["trace"]["hottest"]],
                             [k[name] for k in of_file["trace"]["hottest"]])
        return of_broker


class WithoutTest(ProgramTest):
    @unittest.skipIf(KAFKA, "the program is built with it")
    def test_a_program_without_kafka_says_so(self):
        self.assert_refused("kafka://127.0.0.1:1/t", says="without Kafka; build it with CONVOY_BUILD_KAFKA=ON")

    @unittest.skipIf(NATS, "the program is built with it")
    def test_a_program_without_nats_says_so(self):
        self.assert_refused("nats://127.0.0.1:1/S", says="without NATS; build it with CONVOY_BUILD_NATS=ON")


@unittest.skipUnless(KAFKA, "the program is built without")
class KafkaTest(BrokerTest):
    def setUp(self):
        super().setUp()
        self.kafka = kafka_mock.KafkaMock(kafka_mock.load())
        self.addCleanup(self.kafka.close)

    def url(self, topic):
        return f"kafka://{self.kafka.address}/{topic}"

    def test_a_topic_is_replayed_as_a_file_is(self):
        rows = flights()
        self.kafka.create("flights", 4)
        self.kafka.produce("flights", [(key.encode(), value.encode(), kafka_mock.ANY_PARTITION) for key, value in rows])
        result = self.assert_same_keys(self.url("flights"))
        self.assertEqual(result["trace"]["bytes"], sum(len(value) for _, value in rows))
        self.assertNotIn("notes", result["trace"])
        self.assertIn(self.url("flights"), self.table(self.url("flights"), *QUICK))
        simulated = convoy("simulate", self.url("flights"), "--workers", "4", "--service", "fixed:1ms")
        self.assertEqual((simulated.returncode, simulated.stderr), (0, b""))

    def test_what_was_left_out_is_told(self):
        self.kafka.create("orders", 1)
        self.kafka.produce("orders", [(None, b"v", 0)] * 3 + [(b"k", None, 0)] * 2)
        told = convoy("replay", self.url("orders"), "--last", "4", *QUICK)
        self.assertEqual(told.returncode, 0, told.stderr)
        self.assertEqual(told.stderr.decode().splitlines(), [
            f"convoy: {self.url('orders')}: of 5 offsets the last 4 were read, as --last says",
            f"convoy: {self.url('orders')}: 2 records have no key; those of a partition count as one key, as orders[0], "
            "in 1 partition"])

    def test_a_broker_that_goes_away_ends_it(self):
        self.kafka.create("orders", 1)
        self.kafka.produce("orders", [(b"k", b"v", 0)])
        self.kafka.stop()
        self.assert_refused(self.url("orders"), "--broker-timeout", "500ms", says="Connection refused")

    def test_options_that_do_not_fit_are_refused(self):
        url = self.url("orders")
        for options, says in [(("--format", "clf"), "--format: it is for files"), (("--key", "a"), "--key: it is for files"),
                              ((self.input,), "read alone"), (("--last", "1", "--from", "2020-01-01"), "--last and --from"),
                              (("--key-token", "1"), "--key-token"), (("--from", "yesterday"), "--from wants"),
                              (("--broker-timeout", "1ms"), "100ms"),
                              (("--broker-setting", "secret"), "wants NAME=VALUE"),
                              (("--broker-setting", "auto.offset.reset=latest"), "convoy sets it itself")]:
            with self.subTest(options):
                self.assert_refused(url, *options, says=says)
        self.assert_refused(self.input, "--last", "3", says="--last: it is for a kafka:// or nats:// URL")
        self.assert_refused("--broker-timeout", "3s", says="the input is none")

    def test_a_url_that_is_none_is_refused(self):
        self.assert_refused("kafka://", says="has no host")
        self.assert_refused("kafka://127.0.0.1:1/t", says="kafka://127.0.0.1:1/t: no broker can be reached; 127.0.0.1:1")
        self.assert_refused("kafka://me:secret@h/t", says="sasl.username")
        self.assert_refused("kafka://h/a,b", says="a run reads one topic, and the URL names 2")

    def test_a_topic_of_partitions_has_a_last_of_each(self):
        self.kafka.create("spread", 3)
        self.kafka.produce("spread", [(b"k", b"v", partition) for partition in range(3) for _ in range(5)])
        told = convoy("replay", self.url("spread"), "--last", "2", *QUICK)
        self.assertEqual(told.stderr.decode(), f"convoy: {self.url('spread')}: of 15 offsets the last 6 were read, as --last "
                                               "says: 2 of each of 3 partitions\n")


@unittest.skipUnless(NATS, "the program is built without")
@unittest.skipIf(nats_server.why_not(), nats_server.why_not())
class NatsTest(BrokerTest):
    def setUp(self):
        super().setUp()
        self.nats = self.start()

    def start(self, **who):
        server = nats_server.NatsServer(**who)
        self.addCleanup(server.close)
        return server

    def url(self, stream):
        return f"nats://{self.nats.address}/{stream}"

    def test_a_stream_is_replayed_as_a_file_is(self):
        rows = flights()
        self.nats.create("flights", ["flights.>"])
        self.nats.publish((f"flights.us.{key}", value.encode()) for key, value in rows)
        result = self.assert_same_keys(self.url("flights"), "--key-token", "3")
        self.assertEqual(result["trace"]["bytes"], sum(len(value) for _, value in rows))
        whole = self.replay(self.url("flights"), *QUICK)
        self.assertEqual(whole["trace"]["hottest"][0]["key"], "flights.us." + result["trace"]["hottest"][0]["key"])
        self.assertEqual(self.nats.state("flights")["consumer_count"], 0)
        self.assertEqual(self.nats.state("flights")["messages"], len(rows))

    def test_of_several_subjects_and_with_messages_deleted(self):
        self.nats.create("orders", ["a.*", "b.*"])
        self.nats.publish([(f"{'ab'[i % 2]}.{i}", b"v") for i in range(8)])
        for sequence in (1, 4, 8):
            self.nats.delete("orders", sequence)
        result = self.replay(self.url("orders"), *QUICK)
        self.assertEqual([k["key"] for k in result["trace"]["hottest"]], ["b.1", "a.2", "a.4", "b.5", "a.6"])
        last = self.replay(self.url("orders"), "--last", "3", *QUICK)
        self.assertEqual([k["key"] for k in last["trace"]["hottest"]], ["b.5", "a.6"])
        self.assertEqual(last["trace"]["notes"],
                         [f"{self.url('orders')}: of 5 messages the last 2 were read, as --last says"])
        self.assert_refused(self.url("orders"), "--last", "1", says="hold no message any more")

    def test_from_a_time_on(self):
        self.nats.create("orders", ["orders.*"])
        self.nats.publish([("orders.old", b"v")])
        time.sleep(0.05)
        now = time.time()
        time.sleep(0.05)
        self.nats.publish([("orders.new", b"v")])
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1e6):06}Z"
        result = self.replay(self.url("orders"), "--from", at, *QUICK)
        self.assertEqual([k["key"] for k in result["trace"]["hottest"]], ["orders.new"])
        self.assert_refused(self.url("orders"), "--from", "2100-01-01", says="no messages of that time or later")

    def test_keys_in_headers(self):
        self.nats.create("orders", ["orders.*"])
        self.nats.publish([("orders.a", b"v", {b"Who": b"me"}), ("orders.b", b"v", {b"Who": b"you"}), ("orders.c", b"v")])
        self.assert_refused(self.url("orders"), "--key-header", "Who",
                            says='message 3, of "orders.c": the message has no header "Who"')
        result = self.replay(self.url("orders"), "--key-header", "Who", "--skip-bad", "1", *QUICK)
        self.assertEqual([k["key"] for k in result["trace"]["hottest"]], ["me", "you"])
        self.assertEqual(result["trace"]["skipped"]["lines"], 1)

    def test_what_can_not_be_read_is_refused(self):
        self.nats.create("empty", ["empty"])
        self.nats.create("queue", ["queue"], retention="workqueue")
        self.nats.publish([("queue", b"v")])
        self.assert_refused(self.url("empty"), says="/empty: the stream is empty")
        self.assert_refused(self.url("queue"), says="the stream is a work queue")
        self.assert_refused(self.url("nope"), says='there is no stream "nope"; there are empty, queue')
        self.assert_refused(self.url("a.b"), says='"a.b" is no name of a stream')
        self.assert_refused("nats://127.0.0.1:1/S", says="127.0.0.1:1: Connection refused")
        self.assert_refused(self.url("empty"), "--broker-setting", "x=1", says="one of user, password")
        self.assert_refused(self.url("empty"), "--broker-setting", "tls.ca=/nowhere", says="/nowhere")

    def test_users_and_passwords(self):
        self.nats = self.start(user="me", password="s@cret/")
        self.nats.create("orders", ["orders"])
        self.nats.publish([("orders", b"v")])
        who = f"nats://me:s%40cret%2F@{self.nats.address}/orders"
        self.assertEqual(self.replay(who, *QUICK)["config"]["source"], self.url("orders"))
        settings = ("--broker-setting", "user=me", "--broker-setting", "password=s@cret/")
        self.replay(self.url("orders"), *settings, *QUICK)
        self.assert_refused(self.url("orders"), says="refuses the user or the password")
        self.assert_refused(f"nats://me:wrong@{self.nats.address}/orders", says="refuses the user or the password")

    def read_until_midway(self):
        """A replay of more messages than are read at once, of which some were read when this returns."""
        self.nats.create("orders", ["orders.*"])
        self.nats.publish((f"orders.{i}", b"v" * 1000) for i in range(200_000))
        reading = subprocess.Popen([PROGRAM, "replay", self.url("orders"), *QUICK], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        self.addCleanup(reading.kill)

        def delivered():
            return [c["delivered"]["stream_seq"] for c in self.nats.request("$JS.API.CONSUMER.LIST.orders")["consumers"] or []]

        while max(delivered(), default=0) < 1_000:
            self.assertIsNone(reading.poll(), "it was too fast for this test")
        reading.send_signal(signal.SIGSTOP)  # until what is to happen has happened, however long that takes here
        if max(delivered(), default=200_000) >= 200_000:
            self.skipTest("the machine was so busy that all was read meanwhile")
        return reading

    def assert_stopped(self, reading, *says):
        reading.send_signal(signal.SIGCONT)
        out, error = reading.communicate(timeout=PATIENCE)
        self.assertEqual((reading.returncode, out), (2, b""), error)
        self.assertEqual(error.count(b"\n"), 1, error)
        self.assertIn(b"the reading stopped, after", error)
        for text in says:
            self.assertIn(text, error)

    def test_a_stream_that_goes_while_it_is_read_is_refused(self):
        reading = self.read_until_midway()
        self.nats.request("$JS.API.STREAM.DELETE.orders")
        self.assert_stopped(reading, b'there is no stream "orders"')

    def test_messages_that_go_before_they_are_read_are_missed(self):
        reading = self.read_until_midway()
        self.nats.request("$JS.API.STREAM.PURGE.orders")
        reading.send_signal(signal.SIGCONT)
        out, error = reading.communicate(timeout=PATIENCE)
        self.assertEqual((reading.returncode, out), (2, b""), error)
        self.assertRegex(error, rb"messages of 200,000 were removed while the stream was read; leave the oldest out")

    def test_a_server_that_dies_while_it_is_read_is_refused(self):
        reading = self.read_until_midway()
        self.nats.process.kill()
        self.assert_stopped(reading, b"the connection was lost")

    def test_a_reader_that_is_killed_leaves_no_consumer(self):
        reading = self.read_until_midway()
        reading.kill()
        reading.communicate(timeout=PATIENCE)
        end = time.monotonic() + PATIENCE
        while self.nats.state("orders")["consumer_count"] > 0:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.1)


if __name__ == "__main__":
    main()
