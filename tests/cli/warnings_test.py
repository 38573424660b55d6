#!/usr/bin/env python3
"""What `convoy replay` warns of before it runs, on stderr, and repeats below its table and in its JSON."""

from program import ProgramTest, convoy, main


class WarningsTest(ProgramTest):
    def warnings(self, *arguments):
        done = convoy("replay", "--strategy", "lanes", "--json", str(self.directory / "out.json"), *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stderr.decode().splitlines()
        for line in lines:
            self.assertIn("Warning: " + line.removeprefix("convoy: ")[:60], done.stdout.decode())
        again = self.replay("--strategy", "lanes", *arguments).get("warnings", [])
        self.assertEqual(["convoy: " + warning for warning in again], lines)
        return lines

    def test_names_the_key_that_cannot_keep_up(self):
        load = ["--zipf", "2:0:60", "--rate", "400", "--workers", "4"]
        (line,) = self.warnings(*load, "--service", "fixed:6ms")
        self.assertRegex(line, r"^convoy: key k[12] alone needs 1\.\d+ s of work a second")
        self.assertEqual(self.warnings(*load, "--service", "fixed:1ms"), [])

    def test_tells_how_many_workers_would_do(self):
        load = ["--zipf", "50:0:100", "--rate", "1000", "--service", "fixed:2ms"]
        (line,) = self.warnings(*load, "--workers", "1")
        self.assertRegex(line, r"the load needs [12]\.\d+ s of work a second, more than 1 worker gives")
        self.assertEqual(self.warnings(*load, "--workers", "1,4"), [])

    def test_knows_that_joint_messages_tie_keys_together(self):
        pairs = "timestamp_us,keys,service_us\n" + "".join(f"{i * 1000},{'ab'[i % 2]};{'cd'[i % 2]},1300\n" for i in range(60))
        self.assertEqual(self.warnings(self.write("pairs.csv", pairs), "--speed", "1"), [])
        ring = "timestamp_us,keys,service_us\n" + "".join(f"{i * 1000},{'abc'[i % 3]};{'bca'[i % 3]},1300\n" for i in range(60))
        (line,) = self.warnings(self.write("ring.csv", ring), "--speed", "1")
        self.assertRegex(line, r"joint messages tie keys together: of what must go one after the other 1\.3\d* s of work a second "
                               r"arrive, and in order it gets 1 at most, though no key alone needs that.*ends at --speed 0\.7\d$")

    def test_does_not_contradict_itself(self):
        hot = self.write("hot.csv", "timestamp_us,key,service_us\n" + "".join(f"{i * 1000},a,3000\n" for i in range(40)))
        key, all_keys = self.warnings(hot, "--speed", "30000", "--workers", "2,4")
        self.assertRegex(key, r"key a alone needs 9\d{4}\.\d s of work a second.*ends at --speed 0\.3\d\Z")
        self.assertTrue(all_keys.endswith("the waits grow for as long as the run lasts"), all_keys)

    def test_does_not_mind_how_much_there_is_where_it_may_wait(self):
        self.assertEqual(self.warnings("--zipf", "2:0:60", "--service", "fixed:1ms", "--workers", "1"), [])

    def test_asks_for_the_unit_of_times_where_nothing_told_it(self):
        times = self.write("when.csv", "when,key\n" + "".join(f"{i},a\n" for i in range(0, 400, 20)))
        options = [times, "--time-column", "when", "--speed", "1", "--service", "fixed:0"]
        (line,) = self.warnings(*options)
        self.assertEqual(line, "convoy: the trace spans 380 µs, read as us, as nothing tells their unit; are its times "
                               "in ms? --time-unit ms")
        self.assertEqual(self.warnings(*options, "--time-unit", "us"), [])
        self.assertEqual(self.warnings(*options, "--time-unit", "ms"), [])
        self.assertEqual(self.warnings(times, "--time-column", "when", "--service", "fixed:0"), [])  # not used

    def test_knows_the_unit_by_the_age_of_the_times(self):
        for name, text, options in [
            ("in.csv", "timestamp_us,key\n" + "".join(f"{1700000000000 + i},a\n" for i in range(20)), []),
            ("in.jsonl", "".join('{"timestamp_us":%d,"key":1}\n' % (1700000000000 + i) for i in range(20)),
             ["--format", "jsonl"]),
        ]:
            options = [self.write(name, text), "--speed", "1", "--service", "fixed:0", *options]
            (line,) = self.warnings(*options)
            self.assertTrue(line.endswith("in ms its times are of this age, and it spans 19.0 ms: --time-column "
                                          "timestamp_us --time-unit ms"), line)
            advice = ["--time-column", "timestamp_us", "--time-unit", "ms"]
            self.assertEqual(self.warnings(*options, *advice), [])

    def test_minds_numbers_among_dates(self):
        dates = [f"2020-10-10T13:55:36.{i:03}Z" for i in range(20)]
        for text in ("1602338136000000,a\n" + "".join(f"{date},a\n" for date in dates),
                     "".join(f"{date},a\n" for date in dates) + "1602338136000000,a\n"):
            options = [self.write("when.csv", "when,key\n" + text), "--time-column", "when", "--speed", "1"]
            (line,) = self.warnings(*options)
            self.assertIn("some times are numbers and others are dates", line)
            self.assertEqual(self.warnings(*options, "--time-unit", "us"), [])

    def test_takes_dates_as_they_are(self):
        text = "when,key\n" + "".join(f"2020-10-10T13:55:36.{i:03}Z,a\n" for i in range(20))
        self.assertEqual(self.warnings(self.write("when.csv", text), "--time-column", "when", "--speed", "1"), [])


if __name__ == "__main__":
    main()
