"""The checker finds each kind of fault, and nothing in what has none."""

import contextlib
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import checker

# Two keys in partition 0, one in partition 1; by offset.
PRODUCED = ["0\t0\ta", "0\t1\tb", "0\t2\ta", "1\t0\tc", "0\t3\ta"]


class CheckerTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        # What ran well, on two instances.
        self.handled = ["a 0 0 10 20 i1", "b 0 1 11 50 i1", "a 0 2 20 30 i1", "c 1 0 12 13 i2", "a 0 3 31 40 i1"]

    def result(self, *options, produced=PRODUCED, status=0, half_line=""):
        (self.directory / "produced").write_text("".join(line + "\n" for line in produced))
        (self.directory / "handled").write_text("".join(line.replace(" ", "\t") + "\n" for line in self.handled) + half_line)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            returned = checker.main(["--produced", str(self.directory / "produced"),
                                     "--handled", str(self.directory / "handled"), *options])
        self.assertEqual(returned, status, printed.getvalue())
        self.assertEqual(printed.getvalue().count("\n"), 1)
        result = json.loads(printed.getvalue())
        self.assertEqual(result["ok"], status == 0)
        return result

    def assert_only(self, result, **expected):
        """These figures, and no fault besides."""
        faults = {kind: result[kind] for kind in ("lost", "wrong", "overlaps", "out_of_order", "duplicates", "replays",
                                                  "interrupted")}
        self.assertEqual(faults, dict.fromkeys(faults, 0) | expected, result)

    def test_what_ran_well(self):
        result = self.result("--most-duplicates", "0", "--most-replays", "0")
        self.assert_only(result)
        self.assertEqual((result["produced"], result["handled"], result["instances"]), (5, 5, 2))

    def test_a_lost_record(self):
        del self.handled[1]
        self.assert_only(self.result(status=1), lost=1)

    def test_a_record_that_was_begun_alone_is_lost(self):
        self.handled[4] = "a 0 3 31 - i1"
        self.assert_only(self.result(status=1), lost=1, interrupted=1)

    def test_nothing_at_all(self):
        self.handled = []
        self.result(status=1, produced=[])

    def test_a_wrong_key(self):
        self.handled[1] = "a 0 1 51 52 i1"
        self.assert_only(self.result(status=1), wrong=1, replays=1)

    def test_a_record_that_nobody_produced(self):
        self.handled.append("c 1 1 60 61 i2")
        self.assert_only(self.result(status=1), wrong=1)

    def test_an_overlap(self):
        self.handled[2] = "a 0 2 19 30 i1"
        self.assert_only(self.result(status=1), overlaps=1, out_of_order=1)

    def test_an_overlap_with_one_that_is_not_the_neighbour(self):
        self.handled[0] = "a 0 0 10 35 i1"
        self.assertEqual(self.result(status=1)["overlaps"], 2)

    def test_an_overlap_of_a_duplicate(self):
        self.handled.append("a 0 3 39 45 i1")
        self.assert_only(self.result(status=1), overlaps=1, duplicates=1, replays=1)

    def test_an_overlap_with_what_never_ended(self):
        self.handled += ["a 0 3 32 - i2", "a 0 3 50 60 i2"]
        self.assert_only(self.result(status=1), overlaps=1, duplicates=1, replays=1, interrupted=1)

    def test_two_instances_may_overlap(self):
        self.handled.append("a 0 3 35 45 i2")
        self.assert_only(self.result(), duplicates=1)

    def test_records_out_of_order(self):
        self.handled[2], self.handled[4] = "a 0 2 31 40 i1", "a 0 3 21 30 i1"
        self.assert_only(self.result(status=1), out_of_order=1, replays=1)

    def test_records_out_of_order_on_two_instances(self):
        self.handled[4] = "a 0 3 25 40 i2"
        self.assert_only(self.result(status=1), out_of_order=1)

    def test_order_is_not_only_of_neighbours(self):
        self.handled[0] = "a 0 0 10 60 i2"
        self.assertEqual(self.result(status=1)["out_of_order"], 2)

    def test_what_was_begun_out_of_order_and_not_ended(self):
        self.handled.append("a 0 3 25 - i2")
        self.assert_only(self.result(status=1), out_of_order=1, interrupted=1)

    def test_what_is_handled_again_from_an_earlier_record(self):
        self.handled += ["a 0 2 41 42 i1", "a 0 3 43 44 i1"]
        self.assert_only(self.result("--most-duplicates", "2", "--most-replays", "1"), duplicates=2, replays=1)
        self.result("--most-duplicates", "1", status=1)
        self.result("--most-replays", "0", status=1)

    def test_the_line_of_a_begin_belongs_to_that_of_the_end(self):
        self.handled.insert(0, "a 0 0 10 - i1")
        self.assert_only(self.result("--most-duplicates", "0"))

    def test_a_killed_instance(self):
        self.handled = ["a 0 0 10 - i1", "b 0 1 11 - i1"] + [line.replace("i1", "i3") for line in self.handled]
        self.handled[2:4] = ["a 0 0 13 20 i3", "b 0 1 14 50 i3"]
        self.assert_only(self.result("--most-duplicates", "0"), interrupted=2)

    def test_half_a_line_at_the_end(self):
        self.assert_only(self.result(half_line="a\t0\t"))
        self.assert_only(self.result(half_line="a\t0\t3\t50\t60\ti1"))

    def test_half_a_line_elsewhere(self):
        self.handled.insert(2, "a 0 2")
        self.assertIn("handled:3", self.result(status=2)["error"])

    def test_a_number_that_is_none(self):
        self.handled[2] = "a 0 2 20 x i1"
        self.assertIn("handled:3", self.result(status=2)["error"])

    def test_an_end_before_the_begin(self):
        self.handled[2] = "a 0 2 20 19 i1"
        self.assertIn("ends before", self.result(status=2)["error"])

    def test_a_record_produced_with_two_keys(self):
        self.assertIn("twice", self.result(produced=PRODUCED + ["0\t0\tb"], status=2)["error"])

    def test_null_keys(self):
        self.handled += ["\\N 0 4 50 60 i1", "\\N 0 5 55 65 i1", "\\N 1 1 55 65 i1"]
        produced = PRODUCED + ["0\t4\t\\N", "0\t5\t\\N", "1\t1\t\\N"]
        self.assert_only(self.result(produced=produced, status=1), overlaps=1, out_of_order=1)
        self.assert_only(self.result("--null-keys", "unordered", produced=produced))

    def test_two_partitions_have_keys_of_their_own(self):
        self.handled.append("a 1 1 10 20 i1")
        self.assert_only(self.result(produced=PRODUCED + ["1\t1\ta"]))

    def test_a_file_that_is_not_there(self):
        done = subprocess.run([sys.executable, checker.__file__, "--produced", "none", "--handled", "none"], capture_output=True)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("none", json.loads(done.stdout)["error"])


if __name__ == "__main__":
    unittest.main()
