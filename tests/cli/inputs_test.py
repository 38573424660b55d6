#!/usr/bin/env python3
"""What `convoy replay` makes of inputs as they come: every value is what it is in the file, or is refused with file and
line; and what --skip-bad leaves out is said.
"""

import bz2
import gzip
import json
import lzma

from program import ProgramTest, convoy, main

QUICK = ["--strategy", "single", "--service-kind", "spin"]
ACCESS = '10.0.0.1 - %s [10/Oct/2020:13:55:%02d +0000] "GET /%s HTTP/1.1" 200 10\n'


class InputsTest(ProgramTest):
    def trace(self, name, text, *options):
        return self.replay(self.write(name, text), *QUICK, *options)["trace"]

    def keys(self, name, text, *options):
        return sorted(hot["key"] for hot in self.trace(name, text, *options)["hottest"])

    def assert_refused_input(self, name, text, place, *options, says=""):
        with self.subTest(place or says):
            self.assert_refused(self.write(name, text), *options, says=says or f"{name}{place}")

    def test_space_around_the_names_of_a_header_is_no_part_of_them(self):
        for header in ("key, timestamp_us , service_us", "key,\ttimestamp_us,  service_us"):
            result = self.replay(self.write("in.csv", header + "\nb, 9, 5\na, 1, 5\n"), *QUICK)
            self.assertEqual((result["trace"]["moved"], result["config"]["service"]), (1, "trace"))
        self.assert_refused_input("in.csv", "key, key\na,b\n", ':1: two columns are called "key"')

    def test_space_about_a_key_is_part_of_it(self):
        self.assertEqual(self.keys("in.csv", "key\na\n a\na \n"), [" a", "a", "a "])

    def test_carriage_returns_before_a_line_feed_are_the_end_of_a_line(self):
        for text in ("key,service_us,timestamp_us\r\r\na,5,9\r\r\nb,5,1\r\r\n",
                     "service_us,timestamp_us,key\r\n5,9,a\n5,1,b\r\r\n5,2,a\r\n"):
            result = self.replay(self.write("in.csv", text), *QUICK)
            self.assertEqual(sorted(hot["key"] for hot in result["trace"]["hottest"]), ["a", "b"])
            self.assertEqual(result["config"]["service"], "trace")
            self.assertGreater(result["trace"]["moved"], 0)

    def test_carriage_returns_elsewhere_are_kept_or_refused(self):
        self.assertEqual(self.keys("in.csv", 'key,x\n"a\r\nb",1\n"a\nb",1\n"a\r",1\n'), ["a\nb", "a\r", "a\r\nb"])
        self.assert_refused_input("in.csv", "key,x\na\r,1\n", ":2: a carriage return stands inside the unquoted field")
        self.assert_refused_input("old_mac.csv", "key,x\ra,1\rb,2\r", ":1: a carriage return stands inside")

    def test_json_numbers_stay_as_they_are_written(self):
        numbers = ["1", "1.0", "1e0", "1E2", "100", "-0", "0", "18446744073709551616", "123456789012345678901234567890",
                   "0.10000000000000000555"]
        text = "".join('{"key":%s}\n' % number for number in numbers)
        self.assertEqual(self.keys("in.jsonl", text, "--format", "jsonl"), sorted(numbers))

    def test_a_json_number_and_a_string_of_its_digits_are_not_made_one(self):
        for text, says in [('{"key":7}\n{"key":"7"}\n', '"7" is a string here and was a number'),
                           ('{"key":"1.0"}\n{"key":1.0}\n', '"1.0" is a number here and was a string')]:
            self.assert_refused_input("in.jsonl", text, ":2: the key " + says, "--format", "jsonl")

    def test_a_json_field_that_is_there_twice_is_refused(self):
        for line in ('{"key":1,"key":2}', '{"key":1,"bytes":1,"bytes":1}'):
            self.assert_refused_input("in.jsonl", '{"key":1}\n' + line, ":2: the object has the field", "--format",
                                      "jsonl")
        self.assertEqual(self.keys("in.jsonl", '{"key":1,"x":1,"x":2,"y":{"key":3}}', "--format", "jsonl"), ["1"])

    def test_keys_that_are_no_text_are_told_apart_in_the_json(self):
        hottest = self.trace("in.csv", b"key\ncaf\xe9\ncaf\xe8\ncaf\xe8\ncaf\xc3\xa9\n")["hottest"]
        self.assertEqual([hot.get("key_hex") for hot in hottest], ["636166e8", "636166e9", None])
        self.assertEqual(hottest[2]["key"], "café")

    def test_a_blank_line_among_keys_alone_is_not_passed_over(self):
        says = ":3: the line is blank, which is an empty key here"
        self.assert_refused_input("in.csv", "key\na\n\nb\n", says)
        self.assertEqual(self.keys("in.csv", "\nkey\na\nb\n\n\n"), ["a", "b"])
        self.assertEqual(self.trace("in.csv", "key\na\n\nb\n", "--skip-bad", "1")["messages"], 2)

    def test_a_size_with_a_fraction_is_refused(self):
        self.assert_refused_input("in.csv", "key,bytes\na,1.0\nb,1.5\n", ':3: size "1.5" is not a whole number')
        self.assert_refused_input("in.jsonl", '{"key":1,"bytes":15e-1}', ':1: size "1.5" is not a whole number',
                                  "--format", "jsonl")
        self.assertEqual(self.trace("in.jsonl", '{"key":1,"bytes":15e1}', "--format", "jsonl")["bytes"], 150)

    def assert_time_order(self, name, text, *options):
        """The second of two messages came first."""
        with self.subTest(text=text):
            self.assertEqual(self.trace(name, text, *options)["moved"], 1)

    def test_reads_times_in_other_units(self):
        for column in ("timestamp_ns", "timestamp_ms", "timestamp_s"):
            self.assert_time_order("in.csv", f"key,{column}\na,9\nb,1.5\n")
            self.assert_time_order("in.jsonl", '{"key":1,"%s":9}\n{"key":1,"%s":1.5}\n' % (column, column),
                                   "--format", "jsonl")
        text = "key,when\na,1.2\nb,0.2\n"
        for unit, least, most in [("s", 1, 60), ("ms", 0.001, 0.9)]:
            run = self.replay(self.write("in.csv", text), *QUICK, "--time-column", "when", "--time-unit", unit,
                              "--speed", "1")["runs"][0]
            self.assertGreaterEqual(run["seconds"], least)
            self.assertLess(run["seconds"], most)
        run = self.replay(self.write("in.csv", "key,took (ms)\na,200\n"), *QUICK, "--service-column", "took (ms)")
        self.assertGreaterEqual(run["runs"][0]["seconds"], 0.2)
        self.assert_refused_input("in.csv", text, "", "--time-unit", "s", says="--time-column")

    def test_reads_times_of_iso_8601(self):
        for late, early in [("2020-10-10T13:55:36Z", "2020-10-10T13:55:35.999999999Z"),
                            ("2020-10-10 13:55:36+02:00", "2020-10-10 13:55:36+0300"), ("2020-10-10", "2020-10-09")]:
            self.assert_time_order("in.csv", f"key,when\na,{late}\nb,{early}\n", "--time-column", "when")
            self.assert_time_order("in.jsonl", '{"key":1,"when":"%s"}\n{"key":1,"when":"%s"}\n' % (late, early),
                                   "--time-column", "when", "--format", "jsonl")
        for bad in ("2020-10-10T25:00Z", "2020-02-30", "2020-10-10T", "1969-12-31T23:59Z", "2300-01-01T00:00Z"):
            self.assert_refused_input("in.csv", f"key,when\na,{bad}\n", f':2: time "{bad}" is ', "--time-column", "when")

    def test_does_not_pass_over_a_time_under_another_name(self):
        for name in ("timestamp", "Timestamp_us", "time", "ts", "@timestamp", "datetime", "time_ms", "event-time (s)"):
            self.assert_refused_input("in.csv", f"key,{name}\na,1\n", f':1: "{name}" is not read', "--skip-bad", "all")
            self.assert_refused_input("in.jsonl", '{"key":1,"%s":1}' % name, f':1: "{name}" is not read', "--format",
                                      "jsonl")
            self.assertEqual(self.trace("in.csv", f"key,{name}\nb,9\na,1\n", "--time-column", "")["moved"], 0)
            self.assertEqual(self.trace("in.csv", f"key,{name}\nb,9\na,1\n", "--time-column", name)["moved"], 1)
        self.assert_refused_input("in.csv", "key,Service_us\na,1\n", ':1: "Service_us" is not read')
        self.assert_refused_input("in.csv", "key,Bytes\na,1\n", ':1: "Bytes" is not read')
        self.trace("in.csv", "key,service,service_name,times,bytes_sent,timestamp_us,time\na,web,x,1,2,3,4\n")

    def test_reads_a_log_line_whose_user_holds_spaces_and_brackets(self):
        users = ["-", "joe [ops]", "[x] [10/Oct/2020]", "joe [] \\\"x\\\""]
        text = "".join(ACCESS % (user, 9 - i, i) for i, user in enumerate(users))
        trace = self.trace("access.log", text, "--format", "clf")
        self.assertEqual((trace["messages"], trace["keys"], trace["moved"]), (4, 4, 3))
        self.assert_refused_input("access.log", ACCESS % ("-", 1, "a") + 'h - joe [ops] [now] "GET /" 200 1\n',
                                  ':2: time "ops] [now" is not of the form', "--format", "clf")

    def test_says_what_an_input_is_that_it_cannot_read(self):
        text = b"key\n" + b"a\n" * 100
        for name, data, says in [
            ("a.zst", b"\x28\xb5\x2f\xfd\x04\x00abc\n",
             "a.zst: is zstd data; text and gzip alone are read, so convert it, as in: zstd -dc FILE | convoy replay -"),
            ("a.xz", lzma.compress(text), ": is xz data"),
            ("a.bz2", bz2.compress(text), ": is bzip2 data"),
            ("a.zip", b"PK\x03\x04abc", ": is zip data"),
            ("utf16.csv", text.decode().encode("utf-16"), ": is UTF-16 data"),
            ("utf16.csv.gz", gzip.compress(text.decode().encode("utf-16")), ": is UTF-16 data"),
            ("big.csv", b'key,x\na,1\n"' + b"x" * 999 + b"\n" + b"y\n" * 600_000 + b'",1\n',
             ": the quoted field that begins on line 3 makes a record of more than 1 MiB; is its closing quote missing?"),
        ]:
            with self.subTest(name):
                self.assert_refused(self.write(name, data), says=says)
        self.assert_refused_input("latin1.jsonl", b'{"key":"a"}\n{"key":"b","ua":"caf\xe9"}\n',
                                  ":2: the line is not UTF-8, by its byte 21; convert the file, as in: iconv",
                                  "--format", "jsonl")
        self.assert_refused_input("huge.jsonl", '{"key":1e999}', ':1: the number "1e999" is too large', "--format",
                                  "jsonl")

    def test_reads_what_gzip_reads_though_something_else_follows(self):
        packed = gzip.compress(b"key\na\n") + gzip.compress(b"b\n")
        for behind in (b"-- end of upload --\n", b"\0" * 100 + b"x", b"\x1f\x8cx"):
            path = self.write("in.csv.gz", packed + behind)
            done = convoy("replay", path, *QUICK, "--json", "-")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(b"what follows the gzip data", done.stderr)
            trace = json.loads(done.stdout)["trace"]
            self.assertEqual((trace["messages"], len(trace["notes"])), (2, 1))
        self.assertNotIn("notes", self.trace("in.csv.gz", packed + b"\0" * 100_000))
        self.assert_refused_input("in.csv.gz", packed + b"\x1f\x8b", ":4: the gzip data is truncated")

    BAD = 'key,timestamp_us\na,1\nb,noon\n"c,3\nd,4\n,5\ne,6,7\nf,8\ng\r,9\nh,10\n'

    def test_leaves_out_bad_lines_where_that_is_wished(self):
        path = self.write("in.csv", self.BAD)
        self.assert_refused(path, says='in.csv:3: time "noon" is neither a number')
        for wish in ("5", "all"):
            done = convoy("replay", path, *QUICK, "--skip-bad", wish, "--json", "-")
            self.assertEqual(done.returncode, 0, done.stderr)
            trace = json.loads(done.stdout)["trace"]
            self.assertEqual((trace["messages"], trace["keys"], trace["skipped"]["lines"]), (4, 4, 5))
            places = [text.split(": ")[0].rsplit(":")[-1] for text in trace["skipped"]["first"]]
            self.assertEqual(places, ["3", "10", "6", "7", "9"])
            errors = done.stderr.decode()
            self.assertIn("convoy: 5 bad lines of the input were left out, as --skip-bad allows:\n", errors)
            self.assertIn('in.csv:3: time "noon" is neither a number', errors)
            self.assertIn("5 bad lines of the input were left out", errors.split("TRACE")[1])
        for wish in ("0", "4"):
            done = convoy("replay", path, "--skip-bad", wish)
            self.assertEqual((done.returncode, done.stdout), (2, b""))
        self.assertIn(b"in.csv:9: a carriage return", done.stderr)
        self.assertIn(b"; --skip-bad allows 4, and as many were left out before", done.stderr)

    def test_counts_bad_lines_of_all_formats_and_files(self):
        log = "".join(ACCESS % ("-", i, i) for i in range(5))
        one, two = self.write("1.log", log + "hello\n"), self.write("2.log", "x" * 3_000_000 + "\n" + log)
        trace = self.replay(one, two, *QUICK, "--format", "clf", "--skip-bad", "2")["trace"]
        self.assertEqual((trace["messages"], trace["skipped"]["lines"]), (10, 2))
        self.assertIn("2.log:1: the line is longer than 1 MiB", trace["skipped"]["first"][1])
        text = b'{"key":1}\n{"key":\n\n[]\n{"key":"\xff"}\n{"key":"a\0"}\n{"key":2}\n'
        trace = self.trace("in.jsonl", text, "--format", "jsonl", "--skip-bad", "all")
        self.assertEqual((trace["messages"], trace["skipped"]["lines"]), (2, 4))
        self.assertEqual(self.trace("in.jsonl", '{"key":1}', "--format", "jsonl", "--skip-bad", "1")["skipped"],
                         {"lines": 0, "first": []})

    def test_leaves_out_the_few_events_without_a_time_also_where_they_come_first(self):
        text = "key,timestamp_us,service_us\na,,5\nb,,5\nc,7,5\nd,8,\ne,,5\nf,6,5\n"
        self.assert_refused_input("in.csv", text, ":4: there is a time here, unlike in the events before")
        self.assert_refused_input("in.csv", text, ":5: there is a time here", "--skip-bad", "1")
        trace = self.trace("in.csv", text, "--skip-bad", "4")
        self.assertEqual((trace["messages"], trace["keys"], trace["moved"]), (2, 2, 1))
        self.assertEqual(trace["skipped"]["lines"], 4)
        self.assertIn("the first events have no time or no service time", trace["skipped"]["first"][0])
        self.assert_refused_input("in.csv", text, ":6: there is no time here", "--skip-bad", "3")

    def test_shows_the_first_bad_lines_only(self):
        done = convoy("replay", self.write("in.csv", "key,x\n" + "a\n" * 1000 + "a,1\n"), *QUICK, "--skip-bad", "all")
        self.assertEqual(done.returncode, 0)
        self.assertIn(b"1,000 bad lines of the input were left out, as --skip-bad allows; the first of them:", done.stderr)
        self.assertLess(done.stderr.count(b"\n"), 10)

    def test_leaves_out_neither_all_of_a_file_nor_what_is_wrong_with_it_as_a_whole(self):
        everything = ["--skip-bad", "all"]
        self.assert_refused_input("in.csv", "key,x\na\nb\n", ": the file has no events, only bad lines", *everything)
        self.assert_refused_input("in.csv", "name,x\na,1\n", ':1: no column is called "key"', *everything)
        self.assert_refused_input("in.gz", gzip.compress(b"key\na\nb\n")[:-4], ":4: the gzip data is truncated",
                                  *everything)
        self.assert_refused_input("in.xz", lzma.compress(b"key\na\n"), ": is xz data", *everything)
        for wish in ("-1", "some", "1.5", "18446744073709551615"):
            self.assert_refused(self.input, "--skip-bad", wish, says="--skip-bad")
        self.assert_refused("--zipf", "10:1:10", "--skip-bad", "1", says="--skip-bad")
        self.assert_refused("--skip-bad", "--strategy", "lanes",
                            says='--skip-bad wants a number of lines, or all, instead of "--strategy"')

    def test_goes_on_behind_the_line_where_a_quote_too_many_stands(self):
        good = "".join(f"k{i},{i}\n" for i in range(1000))
        trace = self.trace("in.csv", "key,x\n" + '"a,1\n' + good, "--skip-bad", "all")
        self.assertEqual((trace["messages"], trace["skipped"]["lines"]), (1000, 1))
        trace = self.trace("in.csv", "key,x\n" + '"a,1\n' + good + '"b"\n' + good, "--skip-bad", "all")
        self.assertEqual((trace["messages"], trace["skipped"]["lines"]), (2000, 2))


if __name__ == "__main__":
    main()
