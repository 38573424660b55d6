#!/usr/bin/env python3
"""Instances of a group that come and go while records are produced: are all handled, each key in order, one at a time?

    storm.py [--joins N] [--leaves N] [--stops N] [--kills N] [--rate N] [--seed N]

An instance that leaves is told so by SIGTERM; one that stops gets SIGSTOP until its session has timed out, then SIGCONT; one
that is killed gets SIGKILL. Each of these is a rebalance, and each join, unless it comes during another; how many there were the
broker says. checker.py says whether it went well; without stops and kills no record may be handled twice, and what a killed
instance had handled is handled again only if that was since its last commit or the one before. Prints a line of JSON; exit status 0, 1 if not, 77 where there is no Kafka."""

import argparse
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

import admin
import servers

HERE = pathlib.Path(__file__).resolve().parent
SESSION_MS = 1500
COMMIT = 0.2  # seconds
PATIENCE = 240  # seconds for what is left at the end


class Instance:
    count = 0
    killed_at = None  # in nanoseconds of CLOCK_MONOTONIC
    was_stopped = False

    def __init__(self, kafka, directory, options):
        Instance.count += 1
        self.name = str(Instance.count)
        self.log = directory / f"handled.{self.name}"
        self.said = directory / f"said.{self.name}"
        self.process = subprocess.Popen(
            [admin.program("convoy_kafka_worker"), "--brokers", kafka.address, "--group", "storm", "--topic", "orders",
             "--log", self.log, "--instance", self.name, "--set", "heartbeat.interval.ms=100", *options],
            stdout=open(self.said, "w"), stderr=subprocess.STDOUT)

    def leave(self):
        self.process.send_signal(signal.SIGTERM)

    def kill(self):
        self.killed_at = time.monotonic_ns()
        self.process.kill()
        self.process.wait()

    def stop_for_a_while(self):
        self.was_stopped = True
        self.process.send_signal(signal.SIGSTOP)
        time.sleep(SESSION_MS / 1000 + 0.5)
        self.process.send_signal(signal.SIGCONT)

    def end(self):
        self.leave()
        if self.process.wait(120) == -signal.SIGTERM and not self.log.exists():
            return  # it was told before its main()
        if self.process.returncode != 0:
            raise RuntimeError(f"instance {self.name} has ended with {self.process.returncode}: {self.said.read_text()}")


def handled_again(instances):
    """Of records that were handled again after a kill: how long before its death the killed instance had handled them first.
    Not of one that was stopped as well: its partitions went while it was. Nor of what came again while it lived: the machine was
    so busy that its session had timed out."""
    handled = {}  # of each record: end, begin, by which instance
    for each in instances:
        for line in each.log.read_text().splitlines() if each.log.exists() else ():
            fields = line.split("\t")
            if len(fields) == 6 and fields[4] != "-":
                handled.setdefault((fields[1], fields[2]), []).append((int(fields[4]), int(fields[3]), each))
    result = []
    for times in handled.values():
        times.sort(key=lambda each: each[0])
        end, _, by = times[0]
        if by.killed_at and not by.was_stopped and any(begin > by.killed_at for _, begin, _ in times[1:2]):
            result.append((by.killed_at - end) / 1e9)
    return result


def storm(kafka, directory, given):
    dice = random.Random(given.seed)
    kafka.create_topic("orders", 6)
    produced = directory / "produced"
    total = 10_000_000
    producer = kafka.producing("orders", total, produced, keys=300, rate=given.rate, seed=given.seed)
    graceful = given.stops + given.kills == 0
    # A session that ends because the machine is busy is no graceful leave.
    session = 10_000 if graceful else SESSION_MS
    options = ["--work-us", str(given.work_us), "--commit", str(COMMIT), "--set", f"session.timeout.ms={session}"]
    here, ever, leaving = [], [], []

    def join():
        here.append(Instance(kafka, directory, options))
        ever.append(here[-1])

    todo = (["join"] * given.joins + ["leave"] * given.leaves + ["stop"] * given.stops + ["kill"] * given.kills)
    dice.shuffle(todo)
    begun = time.monotonic()
    join()
    for step, what in enumerate(todo):
        if what == "join" and len(here) < 4 or not here:
            join()
        elif what == "kill":
            here.pop(dice.randrange(len(here))).kill()
        elif what == "stop":
            dice.choice(here).stop_for_a_while()
        else:
            gone = here.pop(dice.randrange(len(here)))
            gone.leave()
            leaving.append(gone)
        if not here:
            join()
        time.sleep(dice.choice((0.05, 0.2, 0.5, 1.0)) * given.pause)
        if sys.stderr.isatty():
            print(f"\r{step + 1} of {len(todo)}", end="", file=sys.stderr)
    producer.send_signal(signal.SIGTERM)
    producer.wait()
    ends = kafka.watermarks("orders")
    until = time.monotonic() + PATIENCE
    while any(kafka.committed("storm", "orders")[p].offset < end for p, (_, end) in ends.items() if end):
        if time.monotonic() > until:
            raise RuntimeError(f"not all is committed: {kafka.committed('storm', 'orders')} of {ends}")
        time.sleep(0.2)
    for each in here + leaving:
        each.end()
    kafka.list_produced("orders", produced)
    checked = subprocess.run(
        [sys.executable, HERE / "checker.py", "--produced", produced, "--handled", *(each.log for each in ever if each.log.exists()),
         *(["--most-duplicates", "0"] if graceful else [])], stdout=subprocess.PIPE, text=True)
    result = json.loads(checked.stdout.splitlines()[0])
    before_death = max(handled_again(ever), default=0)
    # Two commits and an answer; fifty of them, as the machine may be busy.
    too_old = before_death > 50 * COMMIT
    result |= {"ok": result["ok"] and not too_old, "seconds_before_a_kill_at_most": round(before_death, 3), "events": len(todo) + 1,
               "rebalances": kafka.log.read_bytes().count(b"Stabilized group storm generation"), "seconds": round(time.monotonic() - begun, 1), "seed": given.seed,
               "instances": len(ever)}
    print(json.dumps(result))
    return checked.returncode or int(too_old)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--joins", type=int, default=10)
    parser.add_argument("--leaves", type=int, default=10)
    parser.add_argument("--stops", type=int, default=0)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--rate", type=int, default=2000)
    parser.add_argument("--work-us", type=int, default=500)
    parser.add_argument("--pause", type=float, default=1)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("CONVOY_SEED", time.time_ns() % 1_000_000)))
    parser.add_argument("--keep", help="directory that the files are kept in")
    given = parser.parse_args()
    servers.need_kafka()
    with tempfile.TemporaryDirectory() as made:
        directory = pathlib.Path(given.keep or made)
        directory.mkdir(exist_ok=True)
        with servers.Kafka() as kafka:
            return storm(kafka, directory, given)


if __name__ == "__main__":
    sys.exit(main())
