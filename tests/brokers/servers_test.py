"""The servers of the tests start, take records and give them back, and again after SIGKILL. One class, so that ctest knows
which server an argument names: servers_test.py KafkaTest."""

import socket
import sys
import unittest

import servers
from admin import NONE_COMMITTED

RECORDS = 1000


def places(records):
    return {(record.partition, record.offset, record.key) for record in records}


def answers(server):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", server.port)) == 0


class KafkaTest(unittest.TestCase):
    def test_records_outlive_a_kill(self):
        with servers.Kafka() as kafka:
            kafka.create_topic("orders", 4)
            produced = kafka.produce("orders", RECORDS, seed=7, hot=30, nulls=5)
            self.assertEqual(len(set(produced)), RECORDS)
            self.assertEqual({partition for partition, _, _ in produced}, {0, 1, 2, 3})
            kafka.commit("billing", "orders", 2, 17, "gaps")
            kafka.kill()
            self.assertFalse(answers(kafka))
            kafka.start()
            self.assertTrue(answers(kafka))
            self.assertEqual(places(kafka.read("orders")), set(produced))
            self.assertEqual(sum(end for _, end in kafka.watermarks("orders").values()), RECORDS)
            committed = kafka.committed("billing", "orders")
            self.assertEqual(committed[2], (17, b"gaps"))
            self.assertEqual(committed[3].offset, NONE_COMMITTED)

    def test_topics_and_groups(self):
        with servers.Kafka() as kafka:
            kafka.create_topic("small", max_message_bytes=1000)
            kafka.produce("small", 1)
            with self.assertRaisesRegex(RuntimeError, "too large"):
                kafka.produce("small", 1, bytes=2000)
            with self.assertRaisesRegex(RuntimeError, "exists"):
                kafka.create_topic("small")
            with self.assertRaisesRegex(RuntimeError, "metadata string too large"):
                kafka.commit("billing", "small", 0, 1, "x" * 4097)
            kafka.commit("billing", "small", 0, 1, "x" * 4096)
            self.assertEqual(kafka.group("billing"), ("Empty", []))
            kafka.delete_topics("small")
            with self.assertRaisesRegex(RuntimeError, "Unknown topic"):
                kafka.watermarks("small")

    def test_a_password(self):
        with servers.Kafka(user=("alice", "right")) as kafka:
            kafka.create_topic("orders")
            kafka.address = kafka.sasl_address
            sasl = {"security.protocol": "sasl_plaintext", "sasl.mechanism": "PLAIN", "sasl.username": "alice"}
            kafka.client_settings = sasl | {"sasl.password": "right"}
            kafka.produce("orders", 1)
            kafka.client_settings = sasl | {"sasl.password": "wrong"}
            with self.assertRaisesRegex(RuntimeError, "Authentication failed"):
                kafka.watermarks("orders")


class MockKafkaTest(unittest.TestCase):
    def test_records_and_a_kill(self):
        with servers.MockKafka() as kafka:
            kafka.create_topic("orders", 3)
            produced = kafka.produce("orders", RECORDS, seed=7)
            self.assertEqual(len(set(produced)), RECORDS)
            self.assertEqual(places(kafka.read("orders")), set(produced))
            kafka.commit("billing", "orders", 1, 17, "gaps")
            self.assertEqual(kafka.committed("billing", "orders")[1], (17, b"gaps"))
            kafka.kill()
            kafka.start()
            kafka.create_topic("orders", 3)
            self.assertEqual(kafka.read("orders"), [])  # it keeps nothing

    def test_requests_that_fail(self):
        with servers.MockKafka() as kafka:
            kafka.create_topic("orders")
            kafka.tell("fail", 8, 12)
            with self.assertRaisesRegex(RuntimeError, "metadata string too large"):
                kafka.commit("billing", "orders", 0, 1, "gaps")
            kafka.commit("billing", "orders", 0, 1, "gaps")
            with self.assertRaisesRegex(RuntimeError, "no command"):
                kafka.tell("nothing")


class NatsTest(unittest.TestCase):
    def test_messages_outlive_a_kill(self):
        with servers.Nats() as nats:
            nats.create_stream("orders", "orders", "orders.>")
            published = nats.publish("orders", "orders", RECORDS, seed=7, nulls=5)
            self.assertEqual([sequence for _, sequence, _ in published], list(range(1, RECORDS + 1)))
            self.assertEqual(nats.put("progress", "reader", "1 2"), 1)
            nats.kill()
            self.assertFalse(answers(nats))
            nats.start()
            self.assertEqual(nats.info("orders"), (RECORDS, 1, RECORDS))
            read = [(0, message.sequence, message.subject) for message in nats.read("orders")]
            self.assertEqual(read, [(0, sequence, f"orders.{key.decode()}" if key else "orders")
                                    for _, sequence, key in published])
            self.assertEqual(nats.put("progress", "reader", "3"), 2)
            self.assertEqual(nats.keys("progress"), {"reader": (2, b"3")})
            self.assertEqual(nats.buckets(), ["progress"])
            nats.delete_stream("orders")
            with self.assertRaisesRegex(RuntimeError, "Not Found"):
                nats.info("orders")

    def test_a_password(self):
        with servers.Nats(user=("alice", "right")) as nats:
            nats.create_stream("orders", "orders")
            nats.url = nats.url.replace("right", "wrong")
            with self.assertRaisesRegex(RuntimeError, "Authorization"):
                nats.info("orders")


if __name__ == "__main__":
    if "KafkaTest" in sys.argv:
        servers.need_kafka()
    unittest.main()
