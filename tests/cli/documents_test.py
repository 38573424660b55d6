#!/usr/bin/env python3
"""The commands that the documents show work as they stand, on files like those that they name. With one strategy each,
which is quick.
"""

import contextlib
import gzip
import os
import pathlib
import re
import subprocess

import kafka_mock
import nats_server
from program import PATIENCE, PROGRAM, SANITIZED, ProgramTest, convoy, main

SOURCE = pathlib.Path(__file__).resolve().parents[2]
KAFKA, NATS = (os.environ.get(f"CONVOY_BUILD_{name}", "1") == "1" for name in ("KAFKA", "NATS"))  # the program's
LOG = b'h - - [01/Aug/1995:00:00:0%d -0400] "GET /%d HTTP/1.0" 200 17\n'


class DocumentsTest(ProgramTest):
    def setUp(self):
        super().setUp()
        os.symlink(PROGRAM, self.directory / "convoy")
        for program in "bill", "send", "jq":  # what documents run for each record
            os.chmod(self.write(program, '#!/bin/sh\ncat > "$CONVOY_TOPIC.${CONVOY_PARTITION-0}.$CONVOY_OFFSET"\n'), 0o755)
        self.write("access.log.gz", gzip.compress(b"".join(LOG % (i, i % 3) for i in range(10))))

    @contextlib.contextmanager
    def with_broker(self, command):
        """The command, with a broker that is there in the place of the one that it names. None: there can be none."""
        url = re.search(r"(kafka|nats)://[^/ ]+/(\w+)", command)
        if not url:
            yield command
        elif url[1] == "kafka" and KAFKA:
            broker = kafka_mock.KafkaMock(kafka_mock.load())
            with contextlib.closing(broker):
                broker.create(url[2], 2)
                broker.produce(url[2], [(b"k%d" % (i % 3), b"v", i % 2) for i in range(10)])
                yield command.replace(url[0], f"kafka://{broker.address}/{url[2]}")
        elif url[1] == "nats" and NATS and not nats_server.why_not():
            with contextlib.closing(nats_server.NatsServer()) as broker:
                broker.create(url[2], ["orders.>"])
                broker.publish((f"orders.{i % 3}", b"v") for i in range(10))
                yield command.replace(url[0], f"nats://{broker.address}/{url[2]}")
        else:
            yield None

    def assert_works(self, document, least=4):
        commands = re.findall(r"^(?: {4}|  )((?:zcat .*\| )?convoy (?:replay|simulate|consume)(?: .*?)?)(?: +#.*)?$",
                              document, re.M)
        self.assertGreaterEqual(len(commands), least)
        for command in commands:
            if SANITIZED and "000000" in command:
                continue  # takes minutes
            with self.subTest(command), self.with_broker(command) as command:
                if command is None:
                    self.skipTest("there is no such broker here")
                takes_all = "convoy simulate" in command or "--help" in command
                quick = command if takes_all or "consume" in command else command + " --strategy lanes"
                # To the end, though the one in the document goes on; the mock wants more than the 3 s that it waits.
                mock = "--broker-setting session.timeout.ms=6000 --broker-setting heartbeat.interval.ms=200 "
                quick = quick.replace("convoy consume", "convoy consume --quiet " + mock * ("kafka://" in command)
                                      + "--until-end" * ("--until-end" not in command))
                done = subprocess.run(quick, shell=True, cwd=self.directory, capture_output=True, timeout=PATIENCE,
                                      env={**os.environ, "PATH": f"{self.directory}:{os.environ['PATH']}"})
                self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_the_readme(self):
        self.assert_works((SOURCE / "README.md").read_text())

    def test_the_readme_names_every_field_of_the_json(self):
        def names(value):
            if isinstance(value, dict):
                return set(value).union(*map(names, value.values()))
            return set().union(*map(names, value)) if isinstance(value, list) else set()

        shown = re.findall(r"\w+", " ".join(re.findall(r"`[^`]*`", (SOURCE / "README.md").read_text())))
        self.assertEqual(names(self.replay(self.input, "--strategy", "lanes")) - set(shown), set())

    def test_the_readme_lists_the_options_in_their_order(self):
        declared = (SOURCE / "lib/include/convoy/options.hpp").read_text()
        body = re.search(r"^struct processor_options \{\n(.*?)^\};", declared, re.M | re.S)[1]
        options = re.findall(r"^  [a-z].*?\b(\w+) =", body, re.M)
        self.assertGreater(len(options), 20)
        shown = re.search(r"### The order of options\n(.*?)\.\n", (SOURCE / "README.md").read_text(), re.S)[1]
        self.assertEqual(re.findall(r"`(\w+)`", shown), options)

    def test_the_examples_of_the_help(self):
        self.write("trades.csv", "ts,symbol\n1,AAPL\n9,b\n")
        self.write("events.jsonl.gz", gzip.compress(b'{"user": {"id": 7}}\n{"user": {"id": 8}}\n'))
        for command in ("replay", "simulate"):
            self.assert_works(convoy(command, "--help").stdout.decode())
        self.assert_works(convoy("consume", "--help").stdout.decode(), 3)
        if KAFKA:  # what `convoy consume` reads
            self.assertGreater(len(list(self.directory.glob("*.[0-9].[0-9]*"))), 0)


if __name__ == "__main__":
    main()
