#!/usr/bin/env python3
"""What a topic of a real Kafka has that the mock has not: transactions, whose markers take offsets that hold no record, and
offsets for times. Its server is that of tests/brokers."""

import ctypes
import pathlib
import sys
import time
import unittest

import kafka_mock
from program import ProgramTest, main

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "brokers"))
import servers  # noqa: E402

QUICK = ("--strategy", "lanes", "--service", "fixed:0")


class Producer(kafka_mock.KafkaMock):
    """One that writes in transactions, to a server that is there."""

    def __init__(self, address):
        self.library = kafka_mock.load()
        self.producer = self._producer({"bootstrap.servers": address, "transactional.id": "test"})
        self._do("init_transactions", 30000)

    def close(self):
        self.library.rd_kafka_destroy(self.producer)

    def _do(self, what, *patience):
        entry = getattr(self.library, "rd_kafka_" + what)
        entry.restype, entry.argtypes = ctypes.c_void_p, [ctypes.c_void_p] + [ctypes.c_int] * len(patience)
        if entry(self.producer, *patience):
            raise RuntimeError(what)

    def begin(self):
        self._do("begin_transaction")

    def end(self, how):
        """`how`: commit or abort. The broker writes the marker after it has answered; a next transaction waits for it."""
        self._do(how + "_transaction", 30000)
        self.begin()
        self.produce("others", [(b"k", b"v", 0)])
        self._do("abort_transaction", 30000)


@unittest.skipIf(servers.why_no_kafka(), servers.why_no_kafka())
class TransactionsTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.kafka = self.enterContext(servers.Kafka({"auto.create.topics.enable": "true", "num.partitions": 1}))
        self.producer = Producer(self.kafka.address)
        self.addCleanup(self.producer.close)

    def keys(self, topic, *options):
        trace = self.replay(f"kafka://{self.kafka.address}/{topic}", *options, *QUICK)["trace"]
        return {k["key"]: round(k["share"] * trace["messages"]) for k in trace["hottest"]}

    def test_what_is_committed_is_read_to_the_end(self):
        url = f"kafka://{self.kafka.address}/orders"
        self.producer.begin()
        self.producer.produce("orders", [(b"a", b"v", 0)] * 3)
        self.assert_refused(url, says="the topic is empty, or nothing in it is committed yet")
        self.producer.end("commit")
        self.assertEqual(self.keys("orders"), {"a": 3})
        time.sleep(0.01)
        at = time.time()
        self.producer.begin()
        self.producer.produce("orders", [(b"x", b"v", 0)] * 2)
        self.assertEqual(self.keys("orders"), {"a": 3})
        self.assertEqual(self.keys("orders", "--broker-setting", "isolation.level=read_uncommitted"), {"a": 3, "x": 2})
        self.producer.end("abort")
        self.assertEqual(self.keys("orders"), {"a": 3})
        self.assert_refused(url, "--last", "2", says="none of its offsets holds a record that can be seen")
        self.producer.begin()
        self.producer.produce("orders", [(b"b", b"v", 0)])
        self.producer.end("commit")
        self.assertEqual(self.keys("orders"), {"a": 3, "b": 1})
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1000):03}Z"
        self.assertEqual(self.keys("orders", "--from", text), {"b": 1})
        self.assert_refused(url, "--from", "2100-01-01", says="no records of that time or later")


if __name__ == "__main__":
    main()
