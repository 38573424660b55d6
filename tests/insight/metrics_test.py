#!/usr/bin/env python3
"""What write_metrics() writes, read by others: `metrics_test.py SAMPLES`, the program that writes it."""

import contextlib
import http.server
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
import unittest
import urllib.parse
import urllib.request

from samples import SamplesTest, shown

try:
    from prometheus_client.openmetrics.parser import text_string_to_metric_families
except ImportError:
    sys.exit(77)  # skipped

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
BRACES = str.maketrans("{}", "()")  # the parser has a fault
RANKED = "convoy_hottest_key_seconds"


def as_told(key):
    """Prometheus 2.42 keeps the escapes of an exemplar."""
    return key.replace('\\"', '"').replace("\\\\", "\\")


class MetricsTest(SamplesTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.open, cls.older = ((cls.directory / name).read_bytes() for name in ("metrics.om", "metrics.prom"))
        cls.families = {f.name: f for f in text_string_to_metric_families(cls.open.decode())}  # strict
        cls.snapshots = json.loads((cls.directory / "metrics.json").read_text())

    def value(self, family, name, **labels):
        found = [s.value for s in self.families[family].samples if s.name == name and s.labels == labels]
        self.assertEqual(len(found), 1, (name, labels))
        return found[0]

    def processors(self):
        return list(dict.fromkeys(s.labels["processor"] for s in self.families["convoy_backlog"].samples))

    def test_are_openmetrics(self):
        self.assertEqual(self.families["convoy_messages_accepted"].type, "counter")
        self.assertEqual(self.value("convoy_messages_accepted", "convoy_messages_accepted_total", processor="orders"),
                         123456789012)
        summary = self.families["convoy_handler_seconds"]
        self.assertEqual((summary.type, summary.unit), ("summary", "seconds"))
        self.assertEqual(self.value(summary.name, summary.name + "_sum", processor="orders"), 1234.5)
        self.assertEqual(self.value(summary.name, summary.name + "_count", processor="orders"), 100)
        self.assertEqual(self.value(summary.name, summary.name, processor="orders", quantile="0.99"), 0.002)
        for family in self.families.values():
            self.assertTrue(family.documentation and family.name.startswith("convoy_"), family.name)

    def test_keep_processors_apart(self):
        names = self.processors()
        self.assertEqual(names[:3], ["orders", "orders#2", ""])
        self.assertEqual(len(names), len(self.snapshots))
        self.assertEqual(names[3:], [shown(s["name"], 100) for s in self.snapshots[3:]])

    def test_say_which_keys_are_hottest_by_exemplars(self):
        told = [(s.labels["processor"], s.labels["rank"], s.value, s.exemplar) for s in self.families[RANKED].samples]
        apple = next(e for p, rank, value, e in told if (p, rank, value) == ("orders", "1", 20))
        self.assertEqual((apple.labels, apple.value), ({"key": "apple"}, 1.0))
        gone, = [e for p, rank, _, e in told if (p, rank) == ("orders", "3")]
        self.assertIsNone(gone)  # nobody has that rank now
        private = [e for p, _, _, e in told if p == "orders#2"]
        self.assertEqual(private, [None] * 3)
        for snapshot, name in zip(self.snapshots[3:], self.processors()[3:]):
            keys = [e.labels["key"] for p, _, _, e in told if p == name]
            self.assertEqual(keys, [shown(label, 125).translate(BRACES) or "(empty)"
                                    for label in snapshot["labels"][:10]])
            self.assertTrue(all(len("key" + key) <= 128 for key in keys))

    def test_say_where_sources_stand(self):
        told = {f"convoy_source_{what}": value for what, value in (
            ("committed", 17), ("watermark", 20), ("lag", 1000), ("gaps", 2), ("in_flight", 5), ("oldest_seconds", 1.5))}
        for name, value in told.items():
            self.assertEqual(self.families[name].type, "gauge")
            self.assertEqual(self.value(name, name, processor="orders", source="orders[3]"), value)
        self.assertEqual(self.families["convoy_source_oldest_seconds"].unit, "seconds")
        self.assertEqual(self.value("convoy_source_lag", "convoy_source_lag", processor="orders", source="orders[3]#2"), 2000)
        sums = {"": 2, "_lag": 3000, "_gaps": 3, "_in_flight": 5, "_oldest_seconds": 1.5}
        for what, value in sums.items():
            name = "convoy_sources" + what
            self.assertEqual(self.value(name, name, processor="orders"), value)

    def test_say_which_sources_have_the_most_lag(self):
        for snapshot, name in zip(self.snapshots[3:], self.processors()[3:]):
            told = [(s.labels["source"], s.value) for s in self.families["convoy_source_lag"].samples
                    if s.labels["processor"] == name]
            hostile = [shown(source, 256) for source in snapshot["sources"][:-100]]
            expected = [(label, lag) for lag, label in enumerate(hostile)][::-1]
            rest = [(f"orders[{i}]", 0) for i in range(100)]
            # Of two with the same lag the first comes first; the one without a name has lag 0.
            self.assertEqual(told, (expected[:-1] + [expected[-1]] + rest)[:19])

    def test_name_keys_nowhere_else(self):
        for line in self.open.decode().splitlines():
            if "apple" in line:
                self.assertTrue(line.startswith(RANKED + '_total{processor="orders",rank="1"}'), line)
        self.assertNotIn(b"apple", self.older)

    def test_hold_no_control_characters(self):
        for text in (self.open, self.older):
            self.assertFalse([c for c in text.decode() if (ord(c) < 32 and c != "\n") or 127 <= ord(c) < 160])
            self.assertLess(max(map(len, text.splitlines())), 1000)

    def test_are_at_most_200_series_of_a_processor(self):
        for name in self.processors():
            series = [s for f in self.families.values() for s in f.samples if s.labels["processor"] == name]
            self.assertLessEqual(len(series), 200)
            self.assertEqual(len(series), len({(s.name, *sorted(s.labels.items())) for s in series}))

    @unittest.skipUnless(shutil.which("promtool"), "no promtool")
    def test_satisfy_promtool(self):
        done = subprocess.run(["promtool", "check", "metrics"], input=self.older, capture_output=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))

    @unittest.skipUnless(shutil.which("prometheus"), "no Prometheus")
    def test_are_scraped_by_prometheus_with_exemplars(self):
        with self.served() as target, self.prometheus(target) as ask:
            def of_orders():
                found = ask("query", query='convoy_backlog{processor="orders"}')["result"]
                return found and ask("query_exemplars", query=RANKED + "_total", start=time.time() - 600,
                                     end=time.time() + 600)
            deadline = time.monotonic() + 120
            exemplars = of_orders()
            while not exemplars and time.monotonic() < deadline:
                time.sleep(0.1)
                exemplars = of_orders()
            self.assertTrue(exemplars)
            self.assertEqual([t["health"] for t in ask("targets")["activeTargets"]], ["up"])
            stored = {(e["seriesLabels"]["processor"], e["seriesLabels"]["rank"]):
                      as_told(e["exemplars"][0]["labels"]["key"]) for e in exemplars}
            self.assertEqual(stored["orders", "1"], "apple")
            self.assertEqual(stored, {(s.labels["processor"], s.labels["rank"]): s.exemplar.labels["key"]
                                      for s in self.families[RANKED].samples if s.exemplar})
            # A label that is empty is none to Prometheus.
            processors = ask("query", query="count(convoy_backlog) by (processor)")["result"]
            self.assertEqual(sorted(p["metric"].get("processor", "") for p in processors), sorted(self.processors()))
            ranks, = ask("query", query=f'sum({RANKED}_total{{processor="orders"}})')["result"]
            self.assertEqual(ranks["value"][1], "35")

    @contextlib.contextmanager
    def served(self):
        """The metrics by HTTP, as insight_socket gives them."""
        body = self.open

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", OPENMETRICS)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    @contextlib.contextmanager
    def prometheus(self, target):
        """Yields a function that asks its API, when it is ready."""
        config = self.directory / "prometheus.yml"
        config.write_text("scrape_configs:\n- job_name: convoy\n  scrape_interval: 5s\n  scrape_timeout: 5s\n"
                          f"  static_configs:\n  - targets: ['{target}']\n")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
        with open(self.directory / "log", "w+b") as log:
            server = subprocess.Popen(["prometheus", f"--config.file={config}", f"--web.listen-address={address}",
                                       f"--storage.tsdb.path={self.directory / 'data'}",
                                       "--enable-feature=exemplar-storage"], stdout=log, stderr=log)

            def ask(what, **query):
                with urllib.request.urlopen(f"http://{address}/api/v1/{what}?{urllib.parse.urlencode(query)}") as got:
                    return json.load(got)["data"]

            try:
                deadline = time.monotonic() + 120
                while True:
                    try:
                        urllib.request.urlopen(f"http://{address}/-/ready").close()
                        break
                    except OSError:
                        if server.poll() is not None or time.monotonic() > deadline:
                            self.fail((self.directory / "log").read_text())
                        time.sleep(0.05)
                yield ask
            finally:
                server.terminate()
                server.wait()


unittest.main(verbosity=1)
