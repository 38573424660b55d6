#!/usr/bin/env python3
"""`convoy consume`: what commands are given, what their exit statuses do, order per key, and what signals leave behind. The
broker is librdkafka's mock, in this process; commands write to files what they have seen."""

import collections
import json
import os
import pathlib
import re
import signal
import subprocess
import time
import unittest

import kafka_mock
from program import PATIENCE, PROGRAM, ProgramTest, convoy, main

KAFKA = os.environ.get("CONVOY_BUILD_KAFKA", "1") == "1"  # the program's
# The mock wants more than the 3 s that a first member waits; and who is busy must not be taken for dead.
MEMBER = ("--broker-setting", "session.timeout.ms=6000", "--broker-setting", "heartbeat.interval.ms=200")
MIB = 1 << 20
LOG = 'echo "$CONVOY_KEY $CONVOY_PARTITION $CONVOY_OFFSET'  # one short write: lines of several commands do not mix


class ConsumeTest(ProgramTest):
    @classmethod
    def setUpClass(cls):
        cls.kafka = kafka_mock.KafkaMock(kafka_mock.load())
        cls.addClassCleanup(cls.kafka.close)
        cls.kafka.producer = cls.kafka._producer({"bootstrap.servers": cls.kafka.address, "message.max.bytes": str(4 * MIB)})

    def topic(self, partitions=1, records=(), name=None):
        """A new one; `records`: pairs of key and value, in the partition that the key's bytes say."""
        name = name or self.id().split(".")[-1]
        self.kafka.create(name, partitions)
        self.kafka.produce(name, [(key, value, sum(key or b"") % partitions) for key, value in records])
        return name

    def url(self, topic):
        return f"kafka://{self.kafka.address}/{topic}"

    def words(self, topic, command, *options, group="g"):
        how = ("--exec", command) if isinstance(command, str) else ()
        then = () if how else ("--", *command)
        return ["consume", self.url(topic), "--group", f"{topic}-{group}", *MEMBER, *how, *options, *then]

    def consume(self, topic, command, *options, status=0, **more):
        """To the end; what it tells, its stdout as `.out`."""
        told = self.directory / "told.json"
        told.unlink(missing_ok=True)
        done = convoy(*self.words(topic, command, "--until-end", "--quiet", "--json", str(told), *options, **more),
                      cwd=self.directory)
        self.assertEqual(done.returncode, status, done.stderr)
        self.error = done.stderr.decode()
        self.out = done.stdout.decode()
        return json.loads(told.read_text()) if told.exists() else None

    def start(self, topic, command, *options, **more):
        running = subprocess.Popen([PROGRAM, *self.words(topic, command, *options, **more)], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, cwd=self.directory)
        self.addCleanup(running.stderr.close)
        self.addCleanup(running.wait)
        self.addCleanup(running.kill)
        return running

    def end(self, running, signal_number=signal.SIGTERM, status=0):
        running.send_signal(signal_number)
        self.assertEqual(running.wait(PATIENCE), status)
        return running.stderr.read().decode()

    def lines(self, name="log"):
        path = self.directory / name
        return path.read_text().splitlines() if path.exists() else []

    def is_alive(self, process):
        """Not if it is dead, and nobody in this container reaps what has lost its parent."""
        try:
            return pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except FileNotFoundError:
            return False

    def commands_of(self, topic):
        """Processes that were started for a record of it."""
        found = []
        for each in pathlib.Path("/proc").glob("[0-9]*/environ"):
            try:
                if f"CONVOY_TOPIC={topic}".encode() in each.read_bytes().split(b"\0") and self.is_alive(each.parent.name):
                    found.append(each.parent.name)
            except OSError:  # it has ended, or is somebody else's
                pass
        return found

    def assert_gone(self, process):
        self.assertFalse(self.is_alive(process), process)

    def wait_for(self, what):
        until = time.monotonic() + PATIENCE
        while not what():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.02)


@unittest.skipUnless(KAFKA, "the program is built without")
class CommandsTest(ConsumeTest):
    def test_each_way_to_end(self):
        """And a dead letter's headers, which come as variables when it is consumed in turn."""
        keys = b"fine", b"later", b"bad", b"three", b"killed", b"slow"
        topic = self.topic(2, [(key, str(i).encode()) for key in keys for i in range(1 if key == b"slow" else 2)])
        letters = self.topic(1, name="letters")
        script = self.write("script", """
            echo "$CONVOY_KEY $(cat) $CONVOY_ATTEMPT" >> log
            case $CONVOY_KEY in
              later) [ $CONVOY_ATTEMPT -gt 6 ] || exit 75;;
              bad) exit 65;;
              three) exit 3;;
              killed) kill -9 $$;;
              slow) sleep 60 & echo $! >> sleepers; wait;;
            esac""")
        told = self.consume(topic, f". {script}", "--attempts", "2", "--backoff", "5ms", "--timeout", "3s",
                            "--dead-letter-topic", letters)
        self.assertEqual(told["account"], {"read": 11, "handled": 4, "dead_letters": 7, "given_back": 0, "passed_over": 0})
        self.assertEqual(told["commands"], {"begun": 28, "done": 4, "failed": 12, "timed_out": 2, "put_off": 12})
        self.assertEqual((sum(p["committed"] for p in told["positions"]), {p["lag"] for p in told["positions"]}), (11, {0}))
        seen = collections.defaultdict(list)
        for line in self.lines():
            key, value, attempt = line.split()
            seen[key].append((int(value), int(attempt)))
        calls = {b"fine": 1, b"later": 7, b"bad": 1, b"three": 2, b"killed": 2, b"slow": 2}
        for key, most in calls.items():
            self.assertEqual(seen[key.decode()], [(v, a) for v in range(1 if key == b"slow" else 2) for a in range(1, most + 1)], key)
        self.assertEqual(len(self.lines("sleepers")), 2)
        for each in self.lines("sleepers"):
            self.assert_gone(each)
        self.consume(letters, 'echo "$CONVOY_KEY: $CONVOY_HEADER_CONVOY_ERROR, $CONVOY_HEADER_CONVOY_ATTEMPTS"')
        self.assertEqual(collections.Counter(self.out.splitlines()), dict.fromkeys(
            ["bad: exit status 65, 1", "three: exit status 3, 2", "killed: killed by signal 9, 2"], 2) | {"slow: timeout, 2": 1})

    def test_order_of_each_key(self):
        records = [(b"k%d" % (i % 7), str(i).encode()) for i in range(140)]
        topic = self.topic(3, records)
        command = (f'{LOG} begin" >> log; sleep 0.0$((CONVOY_OFFSET % 4)); {LOG} end" >> log; '
                   '[ $((CONVOY_OFFSET % 5)) != 0 -o $CONVOY_ATTEMPT = 2 ] || exit 75')
        self.consume(topic, command, "--workers", "8", "--backoff", "5ms")
        running, most, of_key = set(), 0, collections.defaultdict(list)
        for line in self.lines():
            key, partition, offset, what = line.split()
            if what == "begin":
                self.assertNotIn(key, running)
                running.add(key)
                of_key[key].append(int(offset))
            else:
                running.remove(key)
            most = max(most, len(running))
        self.assertGreater(most, 1)
        self.assertLessEqual(most, 8)
        self.assertEqual(set(of_key), {f"k{i}" for i in range(7)})
        for key, offsets in of_key.items():
            self.assertEqual(offsets, sorted(offsets), key)
            self.assertEqual(len(set(offsets)), 20, key)
            self.assertEqual(len(offsets), 20 + sum(offset % 5 == 0 for offset in set(offsets)), key)

    def test_values_and_variables(self):
        values = [bytes(range(256)) * 400, os.urandom(MIB), b"", None, b"no newline", b"x" * 65537]
        keys = [b"plain", b"a\0b", b"", None, b"two words\n\xff", b"k" * 100_001]
        topic = self.topic(1, zip(keys, values))
        self.consume(topic, 'cat > value.$CONVOY_OFFSET; env -0 > env.$CONVOY_OFFSET')
        for i, (key, value) in enumerate(zip(keys, values)):
            with self.subTest(i):
                self.assertEqual((self.directory / f"value.{i}").read_bytes(), value or b"")
                env = dict(each.split(b"=", 1) for each in (self.directory / f"env.{i}").read_bytes().split(b"\0") if each)
                self.assertEqual(env.get(b"CONVOY_KEY"), key if i not in (1, 5) else None)
                self.assertEqual(env.get(b"CONVOY_KEY_HEX"), key.hex().encode() if key is not None and i != 5 else None)
                self.assertEqual(env.get(b"CONVOY_TOMBSTONE"), b"1" if value is None else None)
                self.assertEqual((env[b"CONVOY_TOPIC"], env[b"CONVOY_PARTITION"], env[b"CONVOY_ATTEMPT"]),
                                 (topic.encode(), b"0", b"1"))
                self.assertLess(abs(int(env[b"CONVOY_TIMESTAMP_MS"]) / 1000 - time.time()), 300)
                self.assertIn(b"PATH", env)
        # A command need not read them. One without a shell has them, too.
        self.assertEqual(self.consume(topic, "true", group="blind")["account"]["handled"], 6)
        self.consume(topic, ["wc", "-c"], "--workers", "1", group="bare")
        self.assertEqual(sorted(map(int, self.out.split())), sorted(len(value or b"") for value in values))

    def test_a_command_inherits_nothing_but_stdout_and_stderr(self):
        topic = self.topic(1, [(b"k", b"v")])
        self.consume(topic, ["/bin/sh", "-c", "ls /proc/$$/fd; ps -o pgid= $$; echo $$; (yes | head -1) 2>&1"])
        *files, group, process, yes = self.out.split()
        self.assertEqual((files, group, yes), (["0", "1", "2"], process, "y"))  # no signal is ignored, or yes would complain

    def test_a_command_that_is_none_ends_it_and_nothing_is_lost(self):
        topic = self.topic(1, [(b"k", b"1"), (b"k", b"2")])
        letters = self.topic(1, name=topic + ".letters")
        for command in "no-such-command-1", ["no-such-command-1", "x"], "/", "exit 126":
            with self.subTest(command):
                told = self.consume(topic, command, "--dead-letter-topic", letters, status=1)
                self.assertEqual((told["account"]["given_back"], told["commands"]["begun"]), (2, 1))
                name = re.escape(command if isinstance(command, str) else command[0])
                self.assertRegex(self.error.splitlines()[-1], f"""^convoy: (the command "{name}" can't be started: |"""
                                 f"""exit status 12[67] of "{name}" means that )""")
        self.consume(topic, "cat")
        self.assertEqual(self.out, "12")

    def test_without_a_dead_letter_topic_a_failure_ends_it(self):
        topic = self.topic(1, [(b"k", b"1"), (b"k", b"2"), (b"k", b"3")])
        told = self.consume(topic, '[ $(cat) != 2 ] || exit 4', "--attempts", "2", "--backoff", "0", status=1)
        self.assertEqual((told["account"]["handled"], told["account"]["given_back"]), (1, 2))
        self.assertIn("offset 1: exit status 4; a record that has failed for good has nowhere to go", self.error)
        self.consume(topic, "cat")
        self.assertEqual(self.out, "23")

    def test_a_dead_letter_that_is_refused_for_good_ends_it(self):
        """Or it would never come to the end."""
        topic = self.topic(1, [(b"a", b"1"), (b"b", b"x" * 3000)])
        letters = self.topic(name=topic + ".dlt")
        told = self.consume(topic, '[ $(wc -c) = 1 ]', "--attempts", "1", "--dead-letter-topic", letters,
                            "--workers", "1", "--broker-setting", "message.max.bytes=2000", status=1)  # first a, then b
        self.assertEqual((told["account"]["handled"], told["account"]["given_back"]), (1, 1))
        self.assertRegex(self.error, f'^convoy: a dead letter, {topic}.0. offset 1, does not get into topic "{letters}": .*\n$')
        self.consume(topic, "wc -c")
        self.assertEqual(self.out.strip(), "3000")  # it is not lost

    def test_the_end_may_be_here_already(self):
        topic = self.topic(2, [(b"k", b"1")])
        told = self.consume(topic, "[ $CONVOY_ATTEMPT = 3 ] || exit 75", "--backoff", "500ms")  # it waits for the last one
        self.assertEqual(told["account"]["handled"], 1)
        self.assertEqual(self.consume(topic, "true")["account"]["read"], 0)
        empty = self.topic(1, name="empty")
        self.assertEqual(self.consume(empty, "true")["account"]["read"], 0)


@unittest.skipUnless(KAFKA, "the program is built without")
class EndsTest(ConsumeTest):
    COMMAND = f'{LOG} begin" >> log; sleep 0.1; {LOG} end" >> log'

    def handled(self):
        return collections.Counter(tuple(line.split()[:3]) for line in self.lines() if line.endswith("end"))

    def some(self):
        """A topic, and all that is to be handled of it."""
        topic = self.topic(2, [(b"k%d" % (i % 4), b"v") for i in range(60)])
        return topic, {(f"k{key}", str(sum(b"k%d" % key) % 2), str(offset)) for key in range(4)
                       for offset in range(key // 2, 30, 2)}

    def test_a_signal_waits_for_commands_and_nothing_is_handled_twice(self):
        for number in signal.SIGTERM, signal.SIGINT, signal.SIGHUP:
            with self.subTest(number):
                (self.directory / "log").unlink(missing_ok=True)
                self.id_suffix = number.name
                topic, all_of_it = self.some()
                running = self.start(topic, self.COMMAND, "--workers", "3")
                self.wait_for(lambda: sum(self.handled().values()) > 8)
                said = self.end(running, number)
                self.assertIn(f"ended by {number.name}", said)
                begun = sum(line.endswith("begin") for line in self.lines())
                self.assertEqual(begun, sum(self.handled().values()))
                self.assertLess(begun, 60)
                told = self.consume(topic, self.COMMAND)
                self.assertEqual(self.handled(), dict.fromkeys(all_of_it, 1))
                self.assertEqual(told["account"]["handled"], 60 - begun)

    def id(self):
        return super().id() + getattr(self, "id_suffix", "")

    def test_what_does_not_end_in_time_is_told_to(self):
        """With all that it has started: one that ends by itself then, one that leaves a child, one that does not listen."""
        topic = self.topic(1, [(b"a", b"1"), (b"b", b"2"), (b"b", b"3"), (b"c", b"4")])
        script = self.write("script", """
            case $CONVOY_KEY in # each is in the log when it is as it is to be
              a) sleep 60 & trap : TERM; echo $$ >> log; wait; wait; echo bye >> bye; exit 1;;
              b) echo $$ >> log; sh -c 'trap "" TERM; echo $$ >> log; sleep 60' & wait;;
              c) trap "" TERM; echo $$ >> log; sleep 60; sleep 60;;
            esac""")
        told = self.directory / "ended.json"
        running = self.start(topic, f". {script}", "--finish", "200ms", "--workers", "4", "--attempts", "1", "--json", str(told))
        self.wait_for(lambda: len(self.lines()) == 4)
        begin = time.monotonic()
        self.end(running)
        self.assertLess(time.monotonic() - begin, 50)  # they would sleep for a minute
        self.assertEqual(self.lines("bye"), ["bye"])
        for each in self.lines():
            self.assert_gone(each)
        told = json.loads(told.read_text())
        self.assertEqual((told["account"]["given_back"], told["commands"]["begun"], told["commands"]["failed"]), (4, 3, 0))
        told = self.consume(topic, "cat", "--workers", "1")
        self.assertEqual(sorted(self.out), ["1", "2", "3", "4"])
        self.assertLess(self.out.index("2"), self.out.index("3"))
        self.assertEqual(told["account"]["handled"], 4)

    def test_a_second_signal_does_not_wait(self):
        topic = self.topic(1, [(b"a", b"1")])
        running = self.start(topic, "trap '' TERM; echo $$ >> log; sleep 60; sleep 60", "--finish", "60s")
        self.wait_for(self.lines)
        running.send_signal(signal.SIGINT)
        time.sleep(0.5)
        self.assertIsNone(running.poll())
        begin = time.monotonic()
        self.end(running, signal.SIGTERM, 128 + signal.SIGTERM)
        self.assertLess(time.monotonic() - begin, 50)  # --finish is a minute
        self.wait_for(lambda: not self.is_alive(self.lines()[0]))  # what ran is killed

    def test_after_a_kill_nothing_is_lost(self):
        topic, all_of_it = self.some()
        running = self.start(topic, self.COMMAND, "--workers", "3", "--commit-every", "50ms")
        self.wait_for(lambda: sum(self.handled().values()) > 40)
        running.kill()
        running.wait()
        self.wait_for(lambda: not self.commands_of(topic))  # those that ran go on
        before = self.handled()
        told = self.consume(topic, self.COMMAND)
        self.assertEqual(set(self.handled()), all_of_it)
        twice = sum(self.handled().values()) - 60
        self.assertLess(twice, 40)  # what was committed is not handled again
        self.assertEqual(told["account"]["handled"], 60 - sum(before.values()) + twice)

    def test_no_command_stays_a_zombie(self):
        topic = self.topic(1, [(b"k%d" % i, b"v") for i in range(20)])
        running = self.start(topic, "echo x >> log")
        self.wait_for(lambda: len(self.lines()) == 20)

        def children():
            tasks = pathlib.Path(f"/proc/{running.pid}/task").glob("*/children")
            return "".join(each.read_text() for each in tasks).split()

        self.wait_for(lambda: not children())
        self.end(running)


class RefusalsTest(ConsumeTest):
    @classmethod
    def setUpClass(cls):
        pass  # there is no broker

    def assert_consume_refused(self, *words, says):
        done = convoy("consume", *words)
        error = done.stderr.decode()
        self.assertEqual((done.returncode, done.stdout, error.count("\n")), (2, b"", 1), error)
        self.assertTrue(error.startswith("convoy: "), error)
        self.assertIn(says, error)

    @unittest.skipIf(KAFKA, "the program is built with it")
    def test_a_program_without_kafka_says_so(self):
        self.assert_consume_refused("kafka://127.0.0.1:1/t", "--group", "g", "--exec", "true",
                                    says="without Kafka; build it with CONVOY_BUILD_KAFKA=ON")

    def test_bad_options(self):
        url, group, command = "kafka://127.0.0.1:1/t", ("--group", "g"), ("--exec", "true")
        for words, says in [
            ((*group, *command), "url is required"),
            ((url, *command), "--group is required"),
            ((url, "--group", "", *command), "--group: the name is empty"),
            ((url, *group), "which command? Give --exec CMD, or -- PROGRAM"),
            ((url, *group, "--exec", " "), "--exec: the command is empty"),
            ((url, *group, *command, "--", "true"), 'and "true" is another'),
            (("orders", *group, *command), '"orders" is no URL'),
            (("kafak://h:9092/t", *group, *command), 'there is no scheme "kafak://"; a URL of a broker is kafka://HOST:PORT/TOPIC'),
            (("kafka://h/a,,b", *group, *command), "a comma without a topic"),
            ((url, *group, *command, "--workers", "0"), "--workers"),
            ((url, *group, *command, "--attempts", "0"), "--attempts"),
            ((url, *group, *command, "--timeout", "0"), "--timeout is from 1ms to 86400s"),
            ((url, *group, *command, "--finish", "soon"), "soon"),
            ((url, *group, *command, "--json", "-"), "stdout is the commands'"),
            ((url, *group, *command, "--broker-setting", "group.id=x"), "group.id: convoy sets it itself"),
            ((url, *group, *command, "--broker-setting", "x"), "wants NAME=VALUE"),
            (("kafka://h/^a", *group, *command, "--until-end"), "no regular expression"),
            ((url, *group, *command, "--until-end", "--broker-setting", "auto.offset.reset=latest"), "auto.offset.reset"),
            ((url, *group, *command, "--no-such-option"), "--no-such-option"),
        ]:
            with self.subTest(words):
                self.assert_consume_refused(*words, says=says)

    @unittest.skipUnless(KAFKA, "the program is built without")
    def test_what_is_not_there(self):
        kafka = kafka_mock.KafkaMock(kafka_mock.load())
        self.addCleanup(kafka.close)
        kafka.create("orders", 1)
        kafka.fail("odrers", 3)  # the mock would make one
        url, rest = f"kafka://{kafka.address}/odrers", ("--group", "g", "--exec", "true")
        self.assert_consume_refused(url, *rest, says='there is no topic "odrers"')
        self.assert_consume_refused(url, *rest, "--until-end", says='there is no topic "odrers"')
        self.assert_consume_refused(url, *rest, "--broker-setting", "no.such=1", says='"no.such"')
        self.assert_consume_refused(f"kafka://{kafka.address}/orders", *rest, "--dead-letter-topic", "odrers",
                                    says='there is no dead letter topic "odrers"')
        nobody = "kafka://127.0.0.1:1/orders"
        self.assert_consume_refused(nobody, *rest, "--broker-timeout", "1s", says=f"{nobody}: no broker answered in 1 s; 127.0.0.1:1")
        self.assert_consume_refused(nobody, *rest, says=f"{nobody}: no broker can be reached; 127.0.0.1:1")
        self.assert_consume_refused(nobody, *rest, "--until-end", says="no broker can be reached")

    def test_an_unknown_command_is_named(self):
        for words, says in [(["frobnicate"], 'there is no command "frobnicate"; there are '), ([], "which command?")]:
            done = convoy(*words)
            self.assertEqual((done.returncode, done.stderr.count(b"\n")), (2, 1))
            for each in says, "replay", "simulate", "consume", "top":
                self.assertIn(each, done.stderr.decode())


if __name__ == "__main__":
    main()
