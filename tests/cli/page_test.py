#!/usr/bin/env python3
"""The page of `convoy replay --report`: what a browser shows of it, and what it is made of."""

import json
import pathlib
import re
import resource
import subprocess

from browser import open_page
from program import INPUT, PATIENCE, PROGRAM, ProgramTest, convoy, main

CHARTS = {"speed", "loss", "latency", "waits", "backlog", "throughput", "keys", "concentration", "hot", "workers", "what_if"}
HOSTILE = [
    "</script><script>document.documentElement.dataset.pwned=1</script>",
    '<img src=x onerror="document.documentElement.dataset.pwned=2">',
    "<!--<script>",
    "]]>'\"`${document.documentElement.dataset.pwned=3}\\",
    "{{charts.js}}{{data}}",
    "\x1b[31m\x07\u202eright to left\u2028",
    "x" * 1_000_000,
]


class PageTest(ProgramTest):
    def report(self, *arguments):
        """The page of a replay that must succeed, as a path, and its JSON."""
        page, figures = self.directory / "page.html", self.directory / "out.json"
        done = convoy("replay", *arguments, "--report", str(page), "--json", str(figures))
        self.assertEqual(done.returncode, 0, done.stderr)
        return page, json.loads(figures.read_text())

    def data_of(self, page):
        """The JSON in the page."""
        return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text()).group(1))

    def test_does_not_blame_a_key_for_what_joint_messages_tie_together(self):
        chain = "keys,service_us\n" + "".join(f"a{i};a{i + 1},1000\n" for i in range(120))
        page, result = self.report(self.write("chain.csv", chain), "--workers", "8", "--strategy", "lanes")
        conclusion = " ".join(self.data_of(page)["conclusion"])
        self.assertIn("As joint messages tie keys together, no number of workers is more than 1.00 times as fast as one: it is "
                      "order that limits the run", conclusion)
        self.assertNotIn("it is this key", conclusion)
        self.assertEqual(self.data_of(page)["concentration"][-1][1:], [1, 1])
        self.assertEqual(dict(self.data_of(page)["facts"])["Messages"], "120 messages, 120 of them joint, of 121 keys")

    def test_shows_the_figures_of_the_run_in_a_browser(self):
        path, result = self.report("--zipf", "30:1:2000", "--rate", "20000", "--service", "exp:200us", "--workers", "2,8",
                                   "--strategy", "lanes,unordered")
        page = open_page(path)
        self.assertEqual(page.console, [])
        self.assertEqual(set(page.texts) - {"conclusion", "facts"}, CHARTS)
        (html,) = page.all("html")
        self.assertEqual(int(html["data-drawn"]), len(page.all("canvas")))
        self.assertEqual(len(page.all("canvas")), len(CHARTS))  # the hot keys are a table, the workers two charts
        for canvas in page.all("canvas"):
            self.assertEqual(canvas["role"], "img")
            self.assertGreater(len(canvas["aria-label"]), 40)
            self.assertGreater(int(canvas["width"]), 300)  # was drawn

        runs = result["runs"]
        for table in ("speed-table", "loss-table", "latency-table", "waits-table"):
            self.assertEqual(page.words(table, "strategy"), [run["strategy"] for run in runs])
            self.assertEqual(page.column(table, "workers"), [run["workers"] for run in runs])
        self.assertEqual([run["workers"] for run in runs], [2, 8, 2, 8])
        for table, heading, of_run in [
            ("speed-table", "time", lambda run: run["seconds"]),
            ("speed-table", "messages/s", lambda run: run["throughput"]),
            ("speed-table", "bound", lambda run: run["bound_seconds"]),
            ("speed-table", "of the bound", lambda run: run["efficiency"]),
            ("speed-table", "out of order", lambda run: run["order_violations"]),
            ("speed-table", "overlapped", lambda run: run["overlaps"]),
            ("loss-table", "overshoot a handler", lambda run: run["overshoot_us"]),
            ("loss-table", "lost to overshoot", lambda run: run["overshoot_share"]),
            ("latency-table", "all p99", lambda run: run["latency_us"]["all"]["p99"]),
            ("latency-table", "cold max", lambda run: run["latency_us"]["cold"]["max"]),
            ("waits-table", "own key", lambda run: run["wait_share"]["own_key"]),
            ("waits-table", "service", lambda run: run["wait_share"]["service"]),
        ]:
            self.assertEqual(page.column(table, heading), [of_run(run) for run in runs], heading)

        hottest = {hot["key"]: hot for hot in result["trace"]["hottest"]}
        for key, share in zip(page.words("hot-table", "key"), page.column("hot-table", "of all")):
            if key in hottest:
                self.assertEqual(share, hottest[key]["share"])
        workers = dict(zip(page.column("workers-table", "workers"), page.column("workers-table", "bound")))
        self.assertEqual((min(workers), max(workers)), (1, 1024))
        self.assertEqual([workers[run["bound_workers"]] for run in runs], [run["bound_seconds"] for run in runs])
        self.assertIn("Lanes with 8 workers handled 2,000 messages of 30 keys", page.texts["conclusion"])
        self.assertRegex(page.texts["conclusion"], r"\d+ workers? (is|are) enough, by prediction")
        self.assertIn("zipf 30:1:2000, 20000 messages/s, seed 1", page.texts["facts"])

    def test_is_not_harmed_by_hostile_keys(self):
        lines = "".join('"%s"\n' % key.replace('"', '""') for key in HOSTILE for _ in range(20)).encode()
        path, result = self.report(self.write("hostile.csv", b"key\n" + lines + b"\xff\xfe</script>\n"), "--strategy",
                                   "lanes")
        self.assertEqual(result["trace"]["hottest"][0]["key"], HOSTILE[0])
        page = open_page(path)
        self.assertEqual(page.console, [])
        (html,) = page.all("html")
        self.assertNotIn("data-pwned", html)
        self.assertGreater(int(html["data-drawn"]), 9)
        self.assertEqual((len(page.all("script")), len(page.all("img"))), (4, 0))
        keys = page.words("hot-table", "key")
        self.assertIn(HOSTILE[1][:60] + "…", keys)
        self.assertIn("?[31m??right to left\u2028", keys)
        self.assertIn("??</script>", keys)
        self.assertLess(path.stat().st_size, 1_000_000)

    def test_would_see_an_error_of_a_script(self):
        path, _ = self.report(self.input, "--strategy", "lanes")
        broken = self.write("broken.html", path.read_text().replace("drawAll();\n", "drawAll();\nnothing.at.all();\n", 1))
        self.assertIn("nothing is not defined", "".join(open_page(broken).console))

    def test_loads_nothing_and_keeps_the_licence(self):
        path, result = self.report(self.input, "--strategy", "lanes,mutex")
        text = path.read_text()
        self.assertEqual(re.findall(r'\b(?:src|href)="(?!data:)', text), [])
        self.assertIn("default-src 'none'", text)
        self.assertIn("Chart.js v", text)
        self.assertIn("Permission is hereby granted, free of charge", text)
        self.assertEqual(self.data_of(path)["result"], result)

    def test_stays_small_whatever_the_number_of_messages(self):
        path, _ = self.report("--zipf", "50000:0.9:200000", "--service", "fixed:0", "--service-kind", "spin", "--workers",
                              "1,2", "--strategy", "lanes,unordered")
        data = self.data_of(path)
        self.assertIsNone(data["predicted"])  # nothing takes any time
        self.assertLess(len(json.dumps(data)), 200_000)

    def test_shows_runs_with_faults(self):
        path, _ = self.report(self.input, "--fail", "0.05", "--stick", "hot:100us", "--policy", "backoff=100us")
        data = self.data_of(path)
        self.assertEqual(len(data["series"]), 2)
        self.assertTrue(any(sentence.startswith("Account: 400 messages") for sentence in data["conclusion"]))
        self.assertIsNone(data["predicted"])
        self.assertIn("--stick hot:100us --fail 0.05 --policy attempts=", dict(data["facts"])["Faults"])

    def test_tells_of_a_stuck_key_what_its_run_had(self):
        path, result = self.report("--zipf", "20:0:400", "--service", "fixed:100us", "--stick", "k1:5ms")
        data = self.data_of(path)
        keys = [hot["key"] for hot in result["trace"]["hottest"]]
        messages = round(400 * result["trace"]["hottest"][keys.index("k1")]["share"]) if "k1" in keys else 0
        stuck = result["runs"][1]
        self.assertLess(messages * 0.005, 1.001 * stuck["bound_seconds"])
        self.assertGreater(data["predicted"]["now"]["seconds"], 0.999 * stuck["bound_seconds"])
        self.assertGreater(data["concentration"][0][1], 0.5)  # of the work has k1

    def test_predicts_as_simulate_does(self):
        load = ["--zipf", "50:0.5:400", "--service", "exp:50us", "--service-kind", "spin"]
        path, result = self.report(*load, "--strategy", "lanes")
        predicted = {w["workers"]: w["seconds"] for w in self.data_of(path)["predicted"]["workers"]}
        cores = result["config"]["cores"]
        workers = [n for n in predicted if n <= cores]
        done = convoy("simulate", *load, "--json", "-", "--workers", ",".join(map(str, workers)))
        for row in json.loads(done.stdout)["forecasts"]:
            self.assertAlmostEqual(predicted[row["workers"]], row["seconds"])
        self.assertAlmostEqual(predicted[1024], predicted[max(workers)])

    def test_makes_nothing_of_a_few_messages(self):
        path, _ = self.report(self.write("one.csv", "timestamp_us,key,service_us\n0,a,500\n"), "--speed", "1", "--strategy",
                              "lanes")
        page = open_page(path)
        self.assertEqual(page.console, [])
        self.assertIn("1 message is too few to compare strategies by", page.texts["conclusion"])
        for nonsense in ("Order costs", "s a second", "enough", "Most would help"):
            self.assertNotIn(nonsense, page.texts["conclusion"])

    def test_does_not_count_the_dead_as_handled(self):
        path, _ = self.report(self.input, "--fail", "100%", "--policy", "attempts=2,backoff=1ms")
        page = open_page(path)
        self.assertEqual(page.console, [])
        self.assertIn("Lanes handled 0 of 400 messages", page.texts["conclusion"])
        self.assertNotIn("clean took", page.texts["conclusion"])
        self.assertNotIn("within", page.texts["latency"].split("The figures as a table")[0])

    def test_refuses_a_page_that_could_not_be_written(self):
        for name, says in [("-", "goes to a file"), ("", "the name of the file is empty"),
                           (self.input, "is an input file"), (str(self.directory), "Is a directory"),
                           (str(self.directory / "missing" / "page.html"), "No such file")]:
            self.assert_refused(self.input, "--report", name, says=says)
        both = self.write("both", "old")
        self.assert_refused(self.input, "--report", both, "--json", both, says="is where the output of --json goes")
        self.assert_refused(self.input, "--report", both, "--trace", both, says="is where the output of --trace goes")
        new = str(self.directory / "new")
        self.assert_refused(self.input, "--report", new, "--json", new, says="is where the output of --json goes")
        self.assertEqual(pathlib.Path(both).read_text(), "old")
        self.assert_refused(self.input, "--report", new, "--socket", new, says="is where the output of --socket goes")
        self.assert_refused(self.input, "--report", "/dev/stdout", says="is where the other output goes")
        with open(both, "wb") as stdout:
            done = subprocess.run([PROGRAM, "replay", self.input, "--report", both], stdout=stdout,
                                  stderr=subprocess.PIPE, timeout=PATIENCE)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"is where the other output goes; name another file\n", done.stderr)

    def test_leaves_the_old_page_where_there_is_no_room_for_the_new_one(self):
        def little_room():
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

        old, figures = self.directory / "old.html", self.directory / "out.json"
        old.write_text("old")
        done = convoy("replay", self.input, "--strategy", "single", "--report", str(old), preexec_fn=little_room)
        self.assertEqual(done.returncode, 2)
        self.assertIn(f"cannot write {old}: File too large".encode(), done.stderr)
        self.assertIn(b"single", done.stdout)  # what can be told is told
        self.assertEqual(old.read_text(), "old")
        self.assertFalse(figures.exists())


if __name__ == "__main__":
    main()
