#!/usr/bin/env python3
"""What goes wrong with a real Kafka gives one clear line, and loses nothing."""

import pathlib
import signal
import subprocess
import tempfile
import time
import unittest

import admin
import servers

PATIENCE = 120  # seconds: only a test that fails waits so long


def end(process):
    process.kill()
    process.wait()
    process.stdout.close()
    process.stderr.close()


class Errors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kafka = cls.enterClassContext(servers.Kafka(user=("alice", "secret")))
        cls.kafka.create_topic("orders", 1)
        cls.kafka.create_topic("small", 1, max_message_bytes=400)
        cls.kafka.write("orders", [("ann", "1"), ("ann", "x" * 1000), ("bob", "2")])

    def setUp(self):
        self.directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def worker(self, *options, address=None, topic="orders", group=None):
        made = subprocess.Popen(
            [admin.program("convoy_kafka_worker"), "--brokers", address or self.kafka.address, "--group", group or self.id(),
             "--topic", topic, "--log", self.directory / "log", *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(end, made)
        return made

    def refusal(self, *options, **where):
        _, said = self.worker(*options, **where).communicate(timeout=PATIENCE)
        self.assertEqual(said.count("\n"), 1, said)
        return said

    def handled(self):
        lines = (self.directory / "log").read_text().splitlines() if (self.directory / "log").exists() else []
        return sorted(line.split("\t")[2] for line in lines if line.split("\t")[4] != "-")

    def wait_for(self, what):
        until = time.monotonic() + PATIENCE
        while not what():
            self.assertLess(time.monotonic(), until, self.handled())
            time.sleep(0.1)

    def test_an_unknown_topic(self):
        self.assertIn('there is no topic "odrers"', self.refusal(topic="odrers"))
        self.assertIn('there is no dead letter topic "none"', self.refusal("--dead-letter-topic", "none"))

    def test_a_bad_password(self):
        login = ("--set", "security.protocol=sasl_plaintext", "--set", "sasl.mechanisms=PLAIN", "--set", "sasl.username=alice")
        said = self.refusal(*login, "--set", "sasl.password=wrong", address=self.kafka.sasl_address)
        self.assertIn("refuses the login", said)
        good = self.worker(*login, "--set", "sasl.password=secret", address=self.kafka.sasl_address)
        self.wait_for(lambda: self.handled() == ["0", "1", "2"])
        good.send_signal(signal.SIGTERM)
        self.assertEqual(good.wait(PATIENCE), 0)

    def test_a_broker_that_is_down(self):
        port = servers.free_port()
        said = self.refusal(address=f"127.0.0.1:{port}")
        self.assertIn(f"no broker of 127.0.0.1:{port}", said)
        self.assertIn("Connection refused", said)

    def test_a_dead_letter_topic_that_takes_no_more(self):
        options = ("--dead-letter-topic", "small", "--poison", "x" * 1000)
        running = self.worker(*options)
        self.wait_for(lambda: self.handled() == ["0", "2"])
        time.sleep(2.5)  # it is sent again meanwhile
        self.assertLessEqual(self.kafka.committed(self.id(), "orders")[0].offset, 1)
        running.send_signal(signal.SIGTERM)
        _, said = running.communicate(timeout=PATIENCE)
        told = [line for line in said.splitlines() if "small" in line]
        self.assertEqual(len(told), 1, said)
        self.assertIn("orders[0] offset 1, does not get into topic \"small\"", told[0])
        again = self.worker()  # whoever sees to it next
        self.wait_for(lambda: self.handled() == ["0", "1", "2"])
        again.send_signal(signal.SIGTERM)
        self.assertEqual(again.wait(PATIENCE), 0)
        self.assertEqual(self.kafka.committed(self.id(), "orders")[0].offset, 3)


    def test_a_topic_that_is_shorter_than_what_was_committed(self):
        self.kafka.create_topic("again", 1)
        self.kafka.write("again", [("ann", "0"), ("ann", "1")])
        self.kafka.commit(self.id(), "again", 0, 5)
        self.assertIn("again[0] goes on at offset 0, before 5, where group", self.refusal(topic="again"))


if __name__ == "__main__":
    servers.need_kafka()
    unittest.main()
