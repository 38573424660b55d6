#!/usr/bin/env python3
"""`convoy replay` with --fail, --stick and --policy: what it refuses, and that its account of every message holds."""

from program import ProgramTest, main

LOAD = ["--service", "fixed:0", "--service-kind", "spin", "--workers", "3"]


class FaultsTest(ProgramTest):
    def faults(self, *arguments):
        result = self.replay(*LOAD, *arguments)
        faults = result["faults"]
        self.assertTrue(faults["exact"])
        self.assertEqual(faults["completed"] + sum(faults["dead_letters"].values()), result["trace"]["messages"])
        self.assertEqual([run["strategy"] for run in result["runs"]], ["lanes clean", "lanes"])
        for run in result["runs"]:
            broken = {name: run[name] for name in ("order_violations", "overlaps", "lost", "repeated")}
            self.assertEqual(set(broken.values()), {0}, broken)
        return faults

    def test_refuses_bad_faults(self):
        for arguments, says in [
            (["--fail", "2"], 'convoy: --fail "2" is not a share of the messages from 0 to 1'),
            (["--fail", "many"], '"many" is not a share'),
            (["--fail", "101%"], '"101%" is not a share'),
            (["--stick", "hot"], "expected KEY:DURATION, as in AAPL:100ms"),
            (["--stick", "hot:1"], 'duration "1" is not a number with a unit'),
            (["--stick", "warm:1ms"], 'no message has the key "warm"; write one as it is in the input'),
            (["--stick", "hot:1ms", "--stick", "hot:2ms"], '"hot" is given twice'),
            (["--policy", "attempts=3"], "--policy requires --fail"),
            (["--stick", "hot:1ms", "--policy", "attempts=3"], "--policy requires --fail"),
            (["--fail", "1%", "--policy", "tries=3"], 'there is no part "tries"; expected attempts=N,backoff=DURATION'),
            (["--fail", "1%", "--policy", "attempts=0"], 'attempts "0" is too small; the least is 1; expected'),
            (["--fail", "1%", "--policy", "then=stop"], 'then "stop" is none of skip, park and fail_rest'),
            (["--fail", "1%", "--strategy", "all"], "leave --strategy out"),
            (["--stick", "hot:1ms", "--strategy", "single"], "leave --strategy out"),
            (["--fail", "1%", "--capacity", "399"], "must hold all 400 messages"),
        ]:
            with self.subTest(arguments):
                self.assert_refused(self.input, *arguments, says=says)

    def test_accounts_for_every_message_and_attempt(self):
        for share in ("0.2", "20%"):
            faults = self.faults(self.input, "--fail", share, "--policy", "attempts=3,backoff=10us")
            poison = faults["poison"]
            self.assertGreater(poison, 40)
            self.assertEqual(faults["failed"], poison)
            self.assertEqual(faults["attempts"], 400 - poison + 3 * poison)
            self.assertEqual(faults["attempts_per_failed"], 3)
            self.assertEqual(faults["dead_letters"], {"failed": poison, "failed_rest": 0, "shutdown": 0})

    def test_ends_with_parked_keys_and_says_how_many(self):
        faults = self.faults(self.input, "--fail", "1", "--policy", "attempts=2,backoff=0,then=park",
                             "--producers", "2")
        self.assertEqual((faults["parked_keys"], faults["failed"], faults["attempts"]), (6, 6, 12))
        self.assertEqual(faults["dead_letters"], {"failed": 0, "failed_rest": 0, "shutdown": 400})
        self.assertEqual(faults["isolation"]["healthy_keys"], 0)
        self.assertIsNone(faults["isolation"]["p99_ratio"])

    def test_draws_the_same_poison_from_the_same_seed(self):
        options = ["--zipf", "100:1:5000", "--fail", "0.1", "--policy", "attempts=1"]
        one, again, other = (self.faults(*options, "--seed", seed)["poison"] for seed in ("7", "7", "9"))
        self.assertEqual(one, again)
        self.assertNotEqual(one, other)

    def test_compares_the_keys_that_are_not_stuck_with_a_clean_run(self):
        stuck = ["--speed", "1", "--stick", "cold0:1ms", "--stick", "cold2:2ms"]
        clean, faulty = (run["wait_share"]["service"] for run in self.replay(self.input, *LOAD, *stuck)["runs"])
        self.assertEqual(clean, 0)  # of handlers that take no time
        self.assertGreater(faulty, 0)
        faults = self.faults(self.input, *stuck)
        self.assertEqual((faults["poison"], faults["attempts"], faults["completed"]), (0, 400, 400))
        isolation = faults["isolation"]
        self.assertEqual((isolation["healthy_keys"], isolation["healthy_messages"]), (4, 320))
        self.assertAlmostEqual(isolation["p99_ratio"], isolation["faulty"]["p99_us"] / isolation["clean"]["p99_us"])
        self.assertAlmostEqual(isolation["throughput_ratio"],
                               isolation["faulty"]["throughput"] / isolation["clean"]["throughput"])

    def test_takes_a_key_with_colons_and_a_file_behind_it(self):
        ports = self.write("ports.csv", "key\nhost:80\nhost:81\n")
        table = self.table("--stick", "host:80:1us", ports, *LOAD)
        self.assertIn("--stick host:80:1us", table)
        self.assertIn("1 key, 1 message\n", table)

    def test_says_which_policy_it_chose_and_what_the_figures_mean(self):
        table = self.table(self.input, "--fail", "1%", *LOAD)
        for text in ["--fail 0.01 --policy attempts=5,backoff=10ms,factor=2,ceiling=10s,jitter=on,then=skip",
                     "lanes clean, without faults, came first", "ISOLATION  of the healthy keys",
                     "Account: 400 messages", "times as long as without faults"]:
            self.assertIn(text, table)


if __name__ == "__main__":
    main()
