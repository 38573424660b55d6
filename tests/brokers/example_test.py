#!/usr/bin/env python3
"""The worked examples, each against its server: example_test.py PROGRAM kafka|nats."""

import signal
import subprocess
import sys
import time

import servers

ORDERS = 60  # 20 of each of three customers
PATIENCE = 120  # seconds: only a test that fails waits so long
LINES = 20  # of the one whose invoices are printed


def produced(kafka):
    for customer in "vip", "ann", "bob":
        for cents in range(ORDERS // 3):
            yield customer, str(cents)
    yield "ann", "twelve"


def run_kafka(program):
    servers.need_kafka()
    with servers.Kafka() as kafka:
        missing = subprocess.run([program, kafka.address], capture_output=True, text=True, timeout=PATIENCE)
        assert missing.returncode == 1 and 'there is no topic "orders"' in missing.stderr, missing
        kafka.create_topic("orders", 2)
        kafka.create_topic("orders.dlt", 1)
        kafka.write("orders", produced(kafka))
        running = subprocess.Popen([program, kafka.address], stdout=subprocess.PIPE, text=True)
        until = time.monotonic() + PATIENCE
        while sum(max(each.offset, 0) for each in kafka.committed("billing", "orders").values()) < ORDERS + 1:
            assert time.monotonic() < until, kafka.committed("billing", "orders")
            time.sleep(0.1)
        running.send_signal(signal.SIGTERM)
        said, _ = running.communicate(timeout=PATIENCE)
        *invoices, sum_line = said.splitlines()
        assert len(invoices) == LINES and invoices == sorted(invoices, key=lambda line: int(line.split("/")[1].split()[0])), said
        assert sum_line == f"{ORDERS} orders billed, {3 * sum(range(20))} cents; 1 dead letters; 0 given back", said
        (letter,) = kafka.read("orders.dlt")
        assert (letter.key, letter.value) == (b"ann", b"twelve") and letter.headers["convoy.error"] == b"stol", letter


if __name__ == "__main__":
    {"kafka": run_kafka}[sys.argv[2]](sys.argv[1])
