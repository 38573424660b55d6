#!/usr/bin/env python3
"""What `convoy replay` refuses: exit status 2 and a line that says what is wrong, and where."""

import gzip
import pathlib
import time

from program import INPUT, ProgramTest, convoy, main


class RefusalsTest(ProgramTest):
    def test_refuses_bad_options(self):
        for arguments, says in [
            (["--no-such-option"], "--no-such-option"),
            (["--strategy", "lanes,fast"], 'there is no strategy "fast"; expected all or some of lanes, single, unordered, shards, mutex'),
            (["--strategy", ""], "strategy"),
            (["--workers", "0"], "--workers"),
            (["--workers", "many"], "--workers"),
            (["--workers", "-1"], "--workers"),
            (["--producers", "0"], "--producers"),
            (["--capacity", "0"], "--capacity"),
            (["--speed", "0"], "--speed"),
            (["--speed", "-1"], "--speed"),
            (["--speed", "nan"], "--speed"),
            (["--speed", "1", "--closed"], "--closed"),
            (["--service", "slow"], "slow"),
            (["--service", "fixed:-1us"], "-1us"),
            (["--service-kind", "nap"], "nap"),
            (["--format", "xml"], "xml"),
            (["--zipf", "10:1:10"], "--zipf generates the input"),  # and a file
            (["--zipf", "10:1:10", "--no-such-option", "value"], "--no-such-option"),
            (["--hot", "0.5"], "--hot"),  # and no generator
            (["--rate", "10"], "--rate"),  # and no generator
            (["--seed", "x"], "--seed"),
            (["--seed", "-1"], "--seed"),
            (["--seed", "18446744073709551616"], "--seed"),
            (["--speed", "inf"], "--speed"),
            (["--speed", "1e300"], "less than a nanosecond"),
            (["--service", "fixed:1.5ns"], 'duration "1.5ns" is not a whole number of nanoseconds'),
            (["--stick", "hot:0.1ns"], "is not a whole number of nanoseconds"),
            (["--service", "fixed:9223372036s"], "is longer than a century"),
            (["--service", "fixed:10000000s"], "add up to more than a century"),
            (["--service", "trace:1e-300"], "less than a nanosecond"),
            (["--service", "trace:1e300"], "add up to more than a century"),
            (["--workers", "0x10"], "--workers"),
            (["--workers", "1025"], "--workers"),
            (["--workers", "1,,2"], "--workers"),
            (["--workers", "1,2,"], "--workers"),
            (["--workers", "1,2", "--fail", "0.1"], "it is one number"),
            (["--conflate", "--fail", "0.1"], "--conflate: not with --fail or --stick"),
            (["--conflate", "--strategy", "mutex"], "only lanes conflates"),
            (["--workers", ""], "--workers"),
            (["--workers", "--closed"], '--workers "--closed" is not a whole number'),
        ]:
            with self.subTest(arguments):
                self.assert_refused(self.input, *arguments, says=says)
        self.assert_refused("--zipf", "10:1", says="10:1")
        self.assert_refused("--zipf", "10:1:10", "--speed", "1", says="--rate")
        self.assert_refused("--zipf", "10:1:10", "--rate", "0", says="--rate")
        self.assert_refused("--zipf", "10:1:10", "--rate", "1e10", says="a message a nanosecond")
        self.assert_refused("--zipf", "10:1:10", "--rate", "1", "--closed", says="--rate")

    def test_never_wraps_a_service_time_near_the_end_of_its_range(self):
        for us in ("9223372036854775.807", "9223372036854775", "3155760000000001"):
            self.assert_refused(self.write("long.csv", f"key,service_us\na,{us}\n"), says="more than a century")
        self.assert_refused(self.write("long.csv", "key,service_us\na,9223372036854776\n"), says="long.csv:2: service time")

    def test_refuses_a_command_that_does_not_exist(self):
        for arguments in ([], ["play"]):
            done = convoy(*arguments)
            self.assertEqual(done.returncode, 2)
            self.assertEqual(done.stderr.count(b"\n"), 1)

    def test_refuses_bad_input_and_says_where(self):
        for name, text, says in [
            ("empty.csv", "", "empty.csv"),
            ("header_only.csv", "key\n", "header_only.csv"),
            ("no_key.csv", "timestamp_us,name\n1,a\n", "no_key.csv:1"),
            ("short.csv", "timestamp_us,key\n1,a\n2\n", "short.csv:3"),
            ("negative.csv", "timestamp_us,key\n-1,a\n", "negative.csv:2"),
            ("truncated.gz", gzip.compress(INPUT.encode())[:-20], "truncated.gz"),
        ]:
            with self.subTest(name):
                self.assert_refused(self.write(name, text), says=says)
        self.assert_refused(str(self.directory / "missing.csv"), says="missing.csv")
        self.assert_refused(self.input, "--time-column", "when", says="when")
        self.assert_refused("-", stdin=b"", says="standard input")

    def test_refuses_a_scheme_that_does_not_exist(self):
        for url, says in [("kafak://me:secret@h/t", "kafak://"), ("kafka:/h:9092/t", "kafka:/"), ("http://h/t", "http://")]:
            self.assert_refused(url, says=f'there is no scheme "{says}"; a URL of a broker is kafka://HOST:PORT/TOPIC or '
                                          "nats://HOST:PORT/STREAM")
            self.assertNotIn(b"secret", convoy("replay", url).stderr)
        (self.directory / "a:").mkdir()
        done = convoy("replay", "a:/b.csv", cwd=self.directory)  # may be a file's name, too
        self.assertIn(b"no scheme", done.stderr)
        (self.directory / "a:/b.csv").write_text("key\n")
        self.assertIn(b"a:/b.csv: the file has no events", convoy("replay", "a:/b.csv", cwd=self.directory).stderr)

    def test_shows_no_control_characters_of_a_file_name(self):
        for name in (b"\x1b[2Jmissing.csv", b"\xc2\x9b2Jmissing.csv", b"\x9b2Jmissing.csv"):
            done = convoy(b"replay", bytes(self.directory) + b"/" + name)
            self.assertEqual(done.returncode, 2)
            self.assertRegex(done.stderr, rb"/\?(\[)?2Jmissing\.csv")

    def test_refuses_a_speed_or_a_service_the_trace_does_not_have(self):
        bare = self.write("bare.csv", "key\na\nb\n")
        self.assert_refused(bare, "--speed", "1", says="bare.csv")
        self.assert_refused(bare, "--service", "trace", says="service")

    def test_refuses_a_json_file_that_it_cannot_write(self):
        self.assert_refused(self.input, "--json", str(self.directory / "missing" / "out.json"), says="missing/out.json")
        self.assert_refused(self.input, "--json", str(self.directory), says="Is a directory")
        self.assert_refused(self.input, "--json", "", says="--json")

    def test_refuses_a_json_file_before_it_runs_anything(self):
        for json in (str(self.directory / "missing" / "out.json"), str(self.directory)):
            started = time.monotonic()
            self.assert_refused(self.input, "--service", "fixed:1s", "--json", json)
            self.assertLess(time.monotonic() - started, 60)  # to run it takes minutes

    def test_refuses_to_overwrite_its_input(self):
        (self.directory / "link").symlink_to("input.csv")
        for arguments in ([self.input], ["-"]):
            for json in (self.input, str(self.directory / "link")):
                with open(self.input) as stdin:
                    self.assert_refused(*arguments, "--json", json, says="input file", stdin=stdin)
        self.assertEqual(pathlib.Path(self.input).read_text(), INPUT)


if __name__ == "__main__":
    main()
