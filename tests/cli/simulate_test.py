#!/usr/bin/env python3
"""`convoy simulate`: what it predicts where that is known, what it tells, and what it refuses."""

import json
import os
import pty
import subprocess

from program import PROGRAM, ProgramTest, convoy, main

EXACT = ["--overshoot", "0"]
# Half of the messages are one key's; all take 1 ms.
HALF = "key,service_us\n" + "".join(f"{'hot' if i % 2 else 'k' + str(i)},1000\n" for i in range(200))


class SimulateTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.half = self.write("half.csv", HALF)

    def simulate(self, *arguments, stdin=b""):
        """The JSON of a simulation that must succeed."""
        done = convoy("simulate", "--json", "-", *arguments, stdin=stdin)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def seconds(self, *arguments):
        return [row["seconds"] for row in self.simulate(*arguments)["forecasts"]]

    def test_predicts_what_is_known(self):
        # All work on few workers, the hot key's on many; then half of that.
        rows = self.simulate(self.half, "--workers", "1,2,4,1024", *EXACT, "--what-if", "hot:split=2")["forecasts"]
        for row, seconds in zip(rows, [0.2, 0.1, 0.1, 0.1, 0.2, 0.1, 0.05, 0.05], strict=True):
            self.assertAlmostEqual(row["seconds"], seconds)
        self.assertEqual([row["workers"] for row in rows], [1, 2, 4, 1024] * 2)
        self.assertEqual([row["what_if"] for row in rows[:4]], [None] * 4)
        self.assertEqual(rows[4]["what_if"], {"key": "hot", "faster": 1, "split": 2})
        self.assertAlmostEqual(rows[3]["speedup"], 2)
        self.assertAlmostEqual(rows[7]["gain"], 2)
        self.assertAlmostEqual(rows[3]["efficiency"], 1)
        self.assertAlmostEqual(rows[3]["throughput"], 2000)
        self.assertAlmostEqual(rows[3]["latency_us"]["hot"]["max"], 100_000)
        self.assertAlmostEqual(rows[3]["latency_us"]["cold"]["max"], 1_000)
        self.assertAlmostEqual(sum(rows[3]["wait_share"].values()), 1)

    def test_conflates(self):
        # All are there at once: of the hot key the first is handled, and the last, which stands for the others.
        row = self.simulate(self.half, "--workers", "4", "--conflate", *EXACT)["forecasts"][0]
        self.assertEqual(row["conflated"], 98)
        self.assertIsNone(row["bound_seconds"])
        self.assertAlmostEqual(row["latency_us"]["hot"]["max"], 27_000, delta=25_000)
        table = convoy("simulate", self.half, "--conflate", *EXACT).stdout.decode()
        self.assertIn("conflated", table)
        self.assertLessEqual(max(map(len, table.splitlines())), 120)

    def test_adds_what_sleeps_take_too_long(self):
        self.assertAlmostEqual(self.seconds(self.half, "--workers", "4", "--overshoot", "100us")[0], 0.11)
        measured = self.simulate(self.half, "--workers", "4")
        self.assertTrue(measured["sleep"]["measured"])
        self.assertGreater(measured["sleep"]["core_us"], 0)
        self.assertGreater(measured["forecasts"][0]["seconds"], 0.1)

    def test_spinning_handlers_take_exactly_their_time(self):
        result = self.simulate(self.half, "--workers", "4", "--service-kind", "spin")
        self.assertFalse(result["sleep"]["measured"])
        self.assertAlmostEqual(result["forecasts"][0]["seconds"], 0.1)

    def test_a_load_at_a_pace_lasts_as_long_as_the_trace(self):
        text = "timestamp_us,key,service_us\n" + "".join(f"{i * 1000},k{i},500\n" for i in range(100))
        self.assertAlmostEqual(self.seconds(self.write("paced.csv", text), "--speed", "0.5", "--workers", "1", *EXACT)[0],
                               0.1985)

    def test_waits_for_room(self):
        row = self.simulate(self.half, "--workers", "4", "--capacity", "1", *EXACT)["forecasts"][0]
        self.assertAlmostEqual(row["seconds"], 0.2)  # one after the other

    def test_a_replay_is_not_much_faster(self):  # slower it may be, if another program holds it up
        options = ["--zipf", "20:0.9:200", "--service", "exp:10ms", "--workers", "8"]
        seen = self.replay(*options, "--strategy", "lanes")["runs"][0]["seconds"]
        predicted = self.seconds(*options, *EXACT)[0]
        self.assertGreater(seen, 0.97 * predicted)
        self.assertGreater(self.seconds(*options)[0], predicted)

    def test_the_same_seed_gives_the_same_forecast(self):
        options = ["--zipf", "100:1:1000", "--service", "exp:1ms", "--rate", "1000", *EXACT]
        one, again, other = (self.simulate(*options, "--seed", seed)["forecasts"] for seed in ("7", "7", "8"))
        self.assertEqual(one, again)
        self.assertNotEqual(one, other)

    def test_takes_as_many_workers_as_there_are_keys_by_default(self):
        result = self.simulate("--zipf", "6:0:100", *EXACT)
        self.assertEqual([row["workers"] for row in result["forecasts"]], [1, 2, 4, 8])
        self.assertEqual(result["config"]["workers"], [1, 2, 4, 8])

    def test_shows_a_table(self):
        done = convoy("simulate", self.half, *EXACT, "--what-if", "hot:split=2", "--workers", "1,16")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        table = done.stdout.decode()
        for line in ["as it is          16    0.100      2.00", "hot:split=2       16    0.050      4.00",
                     "hot:split=2 on 16 workers: makespan 0.050 s, not 0.100 s",
                     "16 workers are enough: with 0.100 s", "a handler takes exactly that"]:
            self.assertIn(line, table)

    def test_a_key_may_be_hostile(self):
        key = "a:b\x1b[2J"
        hostile = self.write("hostile.csv", "key,service_us\n" + f"{key},1000\n" * 4)
        done = convoy("simulate", hostile, *EXACT, "--workers", "4", "--what-if", f"{key}:split=2,faster=2")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn(b"\x1b", done.stdout)
        self.assertIn("a:b?[2J:faster=2,split=2", done.stdout.decode())
        latin = self.write("latin.csv", b"key,service_us\n\xe4,1000\n")
        result = self.simulate(latin, *EXACT, "--what-if", b"\xe4:split=2")
        self.assertEqual(result["forecasts"][1]["what_if"]["key_hex"], "e4")

    def test_refuses_bad_options(self):
        for arguments, says in [
            (["--workers", "0"], "--workers"),
            (["--workers", "1025"], "--workers"),
            (["--workers", "4,"], "--workers"),
            (["--workers", "all"], "--workers"),
            (["--report", "run.html"], "--report: it explains a run, so it is for replay"),
            (["--capacity", "0"], "--capacity"),
            (["--overshoot", "60"], "60"),
            (["--overshoot", "1ms", "--service-kind", "spin"], "--overshoot"),
            (["--what-if", "hot"], "no colon"),
            (["--what-if", "hot:split=0"], "split"),
            (["--what-if", "hot:slower=2"], "slower"),
            (["--what-if", "cool:split=2"], 'no message has the key "cool"'),
            (["--strategy", "lanes"], "--strategy"),
            (["--fail", "1%"], "--fail"),
            (["--producers", "7"], "--producers"),  # would change nothing
            (["--speed", "1"], "no times"),
            (["--json", str(self.directory)], "Is a directory"),
            (["--json", self.half], "input file"),
        ]:
            with self.subTest(arguments):
                done = convoy("simulate", self.half, *arguments)
                error = done.stderr.decode()
                self.assertEqual((done.returncode, done.stdout), (2, b""), error)
                self.assertRegex(error, r"\Aconvoy: [^\n]*\n\Z")
                self.assertIn(says, error)

    def test_names_an_option_that_it_does_not_know_and_not_its_value(self):
        done = convoy("simulate", "--zipf", "10:1:100", "--fail", "1%")
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr.decode(), r"\Aconvoy: [^\n]*--fail[^\n]*\n\Z")

    def test_makes_each_change_once(self):
        changes = ["hot:split=2", "hot:faster=2", "hot:split=2,faster=1"]
        rows = self.simulate(self.half, "--workers", "4", *EXACT, *[o for c in changes for o in ("--what-if", c)])["forecasts"]
        self.assertEqual([row["what_if"] and row["what_if"]["split"] for row in rows], [None, 2, 1])

    def test_writes_json_into_a_file(self):
        out = self.directory / "out.json"
        done = convoy("simulate", self.half, *EXACT, "--json", str(out))
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(len(json.loads(out.read_text())["forecasts"]), 8)  # up to 128 for 101 keys

    def test_draws_a_bar_on_a_terminal_alone(self):
        for hides, shows in (([], True), (["--no-progress"], False)):
            terminal, end = pty.openpty()
            command = [PROGRAM, "simulate", "--zipf", "10:0:20000", "--service", "fixed:1ms", *EXACT, *hides]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=end)
            os.write(end, b"!")
            seen = b""
            while not seen.endswith(b"!"):
                seen += os.read(terminal, 1 << 16)
            os.close(end)
            os.close(terminal)
            self.assertEqual(b"simulate" in seen, shows, seen)


if __name__ == "__main__":
    main()
