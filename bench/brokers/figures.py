#!/usr/bin/env python3
"""The figures of what stands behind a broker, on a real Kafka that it starts: figures.py BUILD [--only WORD] [--seconds N]

BUILD is a Release build with its tests. Prints a line of JSON for each figure. Nothing else should run: the broker, the
producer and the consumer share the cores."""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import os

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests" / "brokers"))


def say(name, **figures):
    print(json.dumps({"figure": name} | figures), flush=True)


class Bench:
    def __init__(self, build, seconds):
        self.build, self.seconds, self.groups = build, seconds, 0
        import servers  # wants CONVOY_BROKERS
        servers.need_kafka()
        self.servers = servers

    def begin_consuming(self, kafka, *options):
        self.groups += 1
        return subprocess.Popen([self.build / "bench" / "brokers_consume", "--brokers", kafka.address, "--group",
                                 f"g{self.groups}", *map(str, options)], stdout=subprocess.PIPE, text=True)

    def consume(self, kafka, *options):
        return result_of(self.begin_consuming(kafka, *options))

    def adaptor(self):
        for keys in 10_000, 1:
            lines = subprocess.run([self.build / "bench" / "brokers_adaptor", "5000000", str(keys)], check=True,
                                   stdout=subprocess.PIPE, text=True).stdout.splitlines()
            runs = sorted(float(line.split()[0]) for line in lines)
            say("adaptor alone, 100 bytes", keys=keys, million_per_second=statistics.median(runs), least=runs[0], most=runs[-1])

    def broker(self):
        count = 3_000_000
        with self.servers.Kafka(java=()) as kafka:
            kafka.create_topic("orders", 1)
            kafka.produce("orders", count, output=os.devnull, keys=10_000, bytes=100)
            self.consume(kafka, "--topic", "orders", "--records", count)  # the broker's compiler wants to have seen it
            eager = [self.consume(kafka, "--topic", "orders", "--records", count) for _ in range(5)]
            runs = sorted(each["per_second"] for each in eager)
            say("real Kafka, empty handlers, two workers", per_second=statistics.median(runs), least=runs[0], most=runs[-1])
            sleeping = [self.consume(kafka, "--topic", "orders", "--records", 200_000, "--work-us", 1000, "--workers", 64)
                        for _ in range(3)]
            rate = statistics.median(each["per_second"] for each in sleeping)
            alone = self.consume(kafka, "--topic", "orders", "--records", 3000, "--work-us", 1000, "--one-by-one")["per_second"]
            say("handlers of 1 ms that sleep, 64 workers, one partition of 10,000 keys", per_second=rate,
                of_the_bound=rate / 64_000, one_by_one=alone, times=rate / alone)
            # A fetch ends where the broker's limit cuts it, so the last batch of it comes twice, however fast one reads.
            slow = [self.consume(kafka, "--topic", "orders", "--records", count, "--in-flight", 64) for _ in range(3)]
            say("megabytes received of all records", eager=sorted(each["received_mb"] for each in eager),
                with_64_in_flight=sorted(each["received_mb"] for each in slow),
                in_the_topic=megabytes(kafka.directory / "data" / "orders-0"))

    def parked(self):
        rate = 20_000
        count = rate * self.seconds
        with self.servers.Kafka(java=()) as kafka:
            for run in range(2):
                for name, options in ("without", ()), ("with", ("--park", "k0")):
                    topic = f"{name}{run}"
                    kafka.create_topic(topic, 1)
                    handled = count - 200 - 3 * count // 10_000
                    consumer = self.begin_consuming(kafka, "--topic", topic, "--records", handled, "--latency", *options)
                    producer = kafka.producing(topic, count, os.devnull, keys=10_000, bytes=100, rate=rate)
                    found = result_of(consumer)
                    producer.wait()
                    say(f"20,000 records/s for {self.seconds} s, {name} a parked key", p50_ms=found["p50_ms"],
                        p99_ms=found["p99_ms"], resident_mb=found["resident_mb"])


def megabytes(folder):
    return sum(log.stat().st_size for log in folder.glob("*.log")) / 1e6


def result_of(process):
    out, _ = process.communicate(timeout=900)
    if process.returncode:
        raise SystemExit(process.returncode)
    return json.loads(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--only", choices=("adaptor", "broker", "parked"))
    parser.add_argument("--seconds", type=int, default=60)
    given = parser.parse_args()
    build = given.build.resolve()
    os.environ["CONVOY_BROKERS"] = str(build / "tests" / "brokers")
    bench = Bench(build, given.seconds)
    for each in "adaptor", "broker", "parked":
        if given.only in (None, each):
            getattr(bench, each)()


if __name__ == "__main__":
    main()
