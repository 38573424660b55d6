#!/usr/bin/env python3
"""What `convoy consume` does with a real Kafka and can't with the mock: members of a group come and go without waiting, and
a topic ends with the marks of a transaction. Its server is that of tests/brokers."""

import collections
import pathlib
import sys
import time
import unittest

import kafka_mock
from consume_test import LOG, ConsumeTest
from program import main
from transactions_test import Producer

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "brokers"))
import servers  # noqa: E402


class PlainProducer(kafka_mock.KafkaMock):
    """To a server that is there."""

    def __init__(self, address):
        self.library = kafka_mock.load()
        self.address = address
        self.producer = self._producer({"bootstrap.servers": address})

    def close(self):
        self.library.rd_kafka_destroy(self.producer)


@unittest.skipIf(servers.why_no_kafka(), servers.why_no_kafka())
class RealKafkaTest(ConsumeTest):
    @classmethod
    def setUpClass(cls):
        server = cls.enterClassContext(servers.Kafka({"auto.create.topics.enable": "true", "num.partitions": 2}))
        cls.kafka = PlainProducer(server.address)
        cls.addClassCleanup(cls.kafka.close)

    def test_members_share_the_work_and_nothing_is_handled_twice(self):
        records = [(b"k%d" % (i % 20), b"v", i % 2) for i in range(1500)]
        self.kafka.produce("shared", records)
        command = f'{LOG}" >> log; sleep 0.02'
        first = self.start("shared", command, "--workers", "4")
        self.wait_for(self.lines)
        second = self.start("shared", command, "--workers", "4")
        time.sleep(1.5)
        self.end(first)
        self.consume("shared", command, "--workers", "4")
        self.end(second)
        handled = collections.Counter(tuple(line.split()) for line in self.lines())
        self.assertEqual((len(handled), set(handled.values())), (1500, {1}))
        of_key = collections.defaultdict(list)
        for line in self.lines():
            key, partition, offset = line.split()
            of_key[key, partition].append(int(offset))
        for key, offsets in of_key.items():
            self.assertEqual(offsets, sorted(offsets), key)

    def test_a_topic_that_ends_with_a_mark_has_an_end(self):
        producer = Producer(self.kafka.address)
        self.addCleanup(producer.close)
        for value in b"1", b"2":
            producer.begin()
            producer.produce("orders", [(b"k", value, 0)])
            producer.end("commit")
        producer.begin()
        producer.produce("orders", [(b"k", b"x", 0)] * 3)
        producer.end("abort")
        told = self.consume("orders", "cat")
        self.assertEqual(self.out, "12")
        self.assertEqual(told["account"]["handled"], 2)


if __name__ == "__main__":
    main()
